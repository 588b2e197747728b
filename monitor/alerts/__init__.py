"""Alerts: from measurements by rules to incidents, in sentences, over channels to the owner.

`rules` decides (pure), `text` says it, `outbox` delivers it. A new way to deliver is one file in ``channels``.
"""
