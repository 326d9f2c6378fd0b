{#
    Why something was refused, without the value that was: for a field what was expected of it, else all but what stands in
    quotation marks. A value that has such marks itself goes whole, since the last one counts.
#}
{% macro redact_values(reason) -%}
    case
        when {{ regexp_full_match(reason, "\\w+ is ''.*'': expected .*") }}
            then {{ regexp_replace_match(reason, "^(\\w+) is ''.*'': (expected .*)$", "\\1: \\2") }}
        else {{ regexp_replace_match(reason, "[''\"].*[''\"]", "…") }}
    end
{%- endmacro %}
