"""Texts of case files."""

CUBES = '''
    """Cubes, at random points and at one."""
    import numpy as np
    import xgrad

    SIZES = {"small": {"n": 4}, "medium": {"n": 5}}


    @xgrad.case(wrt="x", sizes=SIZES, operators=("gradient",), source="Euclid, VII")
    def cubes(xp, x):
        """Σx³."""
        return xp.sum(x * x * x)


    @cubes.inputs
    def draw(rng, n):
        return {"x": rng.normal(size=n)}


    @cubes.point("ones")
    def ones():
        return {"x": np.ones(3)}


    @cubes.formula("gradient")
    def gradient(xp, x):
        """3x²."""
        return 3 * x * x
'''
TWO_CASES = f'''{CUBES}

    @xgrad.case(wrt="x", operators=("gradient", "hessian"))
    def total(xp, x):
        """Σx."""
        return xp.sum(x)


    total.inputs(lambda rng: {{"x": rng.normal(size=2)}})
    total.formula("gradient")(lambda xp, x: xp.ones_like(x))
    total.formula("hessian")(lambda xp, x: xp.zeros((2, 2)))
'''
