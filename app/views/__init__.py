"""The dashboard's views: flat scripts that ``app/main.py`` routes to.

Widgets are here, reading is in ``app.data``, drawing in ``monitor.charts``.
"""
