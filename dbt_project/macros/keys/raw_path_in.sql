{#
    Path, relative to the lake, under which a file lies in a delivery. The path that a row was loaded from depends on which
    of several identical deliveries arrived first; this one does not.
#}
{% macro raw_path_in(clinic, measurement, delivery, path_below) -%}
    'incoming/clinic=' || {{ clinic }} || '/measurement={{ measurement }}/' || {{ delivery }} || '/' || {{ path_below }}
{%- endmacro %}
