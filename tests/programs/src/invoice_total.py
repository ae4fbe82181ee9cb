from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, getcontext, localcontext


def invoice_total(lines, tax, rounding=ROUND_HALF_UP):
    """Sum (quantity, unit price) pairs of decimal texts, add tax in percent, and round to cents.

    >>> invoice_total([("2", "0.10"), ("1", "0.05")], "0")
    Decimal('0.25')
    """
    net = sum((Decimal(count) * Decimal(price) for count, price in lines), Decimal(0))
    gross = net * (1 + Decimal(tax) / 100)
    return gross.quantize(Decimal("0.01"), rounding)


def check(candidate):
    assert str(candidate([("3", "19.99"), ("0.5", "7.25")], "8.25")) == "68.84"
    assert candidate([], "20") == Decimal("0.00")
    assert candidate([("1", "0.125")], "0") == Decimal("0.13")
    assert candidate([("1", "0.125")], "0", ROUND_HALF_EVEN) == Decimal("0.12")
    assert 0.1 + 0.2 != 0.3 and Decimal("0.1") + Decimal("0.2") == Decimal("0.3")
    with localcontext() as context:
        context.prec = 50
        assert str(Decimal(2).sqrt()) == "1.4142135623730950488016887242096980785696718753769"
    assert getcontext().prec == 28
