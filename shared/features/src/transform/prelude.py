import math

LARGEST = 2**63


def is_null(value):
    return value is None or value is NaT or (isinstance(value, float) and math.isnan(value))


def strict(function):
    """None if any argument is."""
    return lambda *values: None if any(v is None for v in values) else function(*values)


def fits(number):
    return number if -LARGEST <= number < LARGEST else None


def finite(number):
    return number if math.isfinite(number) else None


try:
    from pandas import NA, NaT, Timestamp
except ImportError:
    NA = NaT = Timestamp = None


def read(convert):
    return lambda value: None if value is NA or is_null(value) else convert(value)


def micros(value):
    moment = Timestamp(value)
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment
    return moment.value // 1000


whole = read(int)
number = read(lambda value: finite(float(value)))
text = read(str)
boolean = read(bool)
moment = read(micros)
to_timestamp = strict(lambda value: Timestamp(value, unit="us", tz="UTC"))
to_float = strict(float)

no = strict(lambda a: not a)
both = strict(lambda a, b: a and b)
either = strict(lambda a, b: a or b)
eq = strict(lambda a, b: a == b)
ne = strict(lambda a, b: a != b)
lt = strict(lambda a, b: a < b)
le = strict(lambda a, b: a <= b)
gt = strict(lambda a, b: a > b)
ge = strict(lambda a, b: a >= b)

add_int = strict(lambda a, b: fits(a + b))
sub_int = strict(lambda a, b: fits(a - b))
mul_int = strict(lambda a, b: fits(a * b))
add_float = strict(lambda a, b: finite(a + b))
sub_float = strict(lambda a, b: finite(a - b))
mul_float = strict(lambda a, b: finite(a * b))
div = strict(lambda a, b: finite(a / b) if b != 0 else None)

neg_int = strict(lambda a: fits(-a))
neg_float = strict(lambda a: -a)
absolute_int = strict(lambda a: fits(abs(a)))
absolute_float = strict(abs)
least = strict(min)
greatest = strict(max)
ln = strict(lambda a: finite(math.log(a)) if a > 0 else None)
days = strict(lambda a: a / 86_400_000_000)
hours = strict(lambda a: a / 3_600_000_000)


def coalesce(*values):
    return next((value for value in values if value is not None), None)


def choose(condition, then, otherwise):
    if condition is None:
        return None
    return then() if condition else otherwise()


@strict
def exp(a):
    try:
        return math.exp(a)
    except OverflowError:
        return None


def half_away(a):
    size = abs(a)
    return math.copysign(math.floor(size) + (size - math.floor(size) >= 0.5), a)


@strict
def rounded(a, digits=None):
    if isinstance(a, int):
        return a
    if digits is None:
        return fits(int(half_away(a)))
    scaled = finite(a * 10.0**digits)
    return None if scaled is None else half_away(scaled) / 10.0**digits
