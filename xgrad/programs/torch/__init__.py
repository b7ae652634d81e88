"""torch's own programs run in balls: movement natively, order on ranks, arithmetic by rules."""
