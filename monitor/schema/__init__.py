"""What a model takes and gives, and the canonical batch every other part reads.

`conform` and `conform_table` turn what servers send into one Arrow table per request: nothing is cast silently,
nothing unexpected stops capture; it is stored, flagged and counted.
"""

from monitor.schema.canonical import Conformed, Rejected, Sent, arrow_schema
from monitor.schema.documents import schema_from_dict, schema_to_dict, settings_from_dict, settings_to_dict
from monitor.schema.infer import infer_schema
from monitor.schema.names import NAME, VERSION, VERSION_RULE, check_features, check_name
from monitor.schema.reference import conform_reference
from monitor.schema.rows import conform, is_plain, is_taken
from monitor.schema.tables import conform_table
from monitor.schema.truth import class_of, label_of

__all__ = [
    "NAME",
    "VERSION",
    "VERSION_RULE",
    "Conformed",
    "Rejected",
    "Sent",
    "arrow_schema",
    "check_features",
    "check_name",
    "class_of",
    "conform",
    "conform_reference",
    "conform_table",
    "infer_schema",
    "is_plain",
    "is_taken",
    "label_of",
    "schema_from_dict",
    "schema_to_dict",
    "settings_from_dict",
    "settings_to_dict",
]
