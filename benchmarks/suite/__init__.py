"""The asv suite: what derivatives cost and how right they are, measured once for each commit.

`asv run --config benchmarks/asv.conf.json` runs it; `XGRAD_PROFILE` chooses how much (`smoke`,
`nightly`, `full`), `XGRAD_DEVICE` where (`cpu`, `cuda`).
"""
