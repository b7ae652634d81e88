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
UNSTABLE = """
    import numpy as np
    import xgrad


    @xgrad.case(wrt="x", operators=("gradient",))
    def versine(xp, x):
        return xp.sum(xp.log(2 * xp.sin(x / 2) ** 2))


    @versine.point("few")
    def few():
        return {"x": np.array([6.4e-7, 8e-7, 10.4e-7])}


    @versine.point("many")
    def many():
        return {"x": np.array([2.4e-3, 3e-3, 3.9e-3])}


    @versine.formula("gradient")
    def cotangent(xp, x):
        return xp.cos(x / 2) / xp.sin(x / 2)


    @versine.formula("gradient", name="naive", default=False)
    def cancelling(xp, x):
        return xp.sin(x) / (1 - xp.cos(x))
"""
TWO_CASES = f'''{CUBES}

    @xgrad.case(wrt="x", operators=("gradient", "hessian"))
    def total(xp, x):
        """Σx."""
        return xp.sum(x)


    total.inputs(lambda rng: {{"x": rng.normal(size=2)}})
    total.formula("gradient")(lambda xp, x: xp.ones_like(x))
    total.formula("hessian")(lambda xp, x: xp.zeros((2, 2)))
'''
