"""Values as codes: which rows of a column are alike, whatever its values are."""

import numpy as np
import numpy.typing as npt

from explain.coalitions import Matrix
from explain.columns import Column


def same(own: Column, others: Column) -> bool:
    """Tell whether a column is the same in the row and all of the background; NaN equals NaN."""
    if own.dtype.kind == "f":
        value = own[0]
        return bool((others == value).all() if value == value else np.isnan(others).all())  # NaN is not itself
    return len(encoded(np.concatenate([own, others]))[0]) == 1


def encoded(column: Column) -> tuple[Column, Matrix, npt.NDArray[np.intp]]:
    """Return the distinct values, first seen first; each row's code; and where each was first seen. NaN equals NaN."""
    if column.dtype.kind == "f":
        _, at, place = np.unique(column, return_index=True, return_inverse=True)
        order = at.argsort()
        return column[at[order]], order.argsort()[place].astype(np.float64), at[order]
    seen: dict[object, int] = {}
    codes = np.empty(len(column))
    first: list[int] = []
    for index, value in enumerate(column.tolist()):
        key = None if isinstance(value, float) and np.isnan(value) else value
        if key not in seen:
            seen[key] = len(seen)
            first.append(index)
        codes[index] = seen[key]
    return column[first], codes, np.array(first, dtype=np.intp)
