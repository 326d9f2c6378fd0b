{% test every_record_has_its_row(model, of, key) %}
{#
    Fails where a record of the latest load has no row in an incremental model. Earlier loads were looked at when they were
    the latest: looking at all again would cost more with each load.

    Arguments
        of: model of the records, with `_load_id`.
        key: name of the key column, in both.
#}
with record as (

    select {{ key }} from {{ of }}
    where _load_id = (select max(_load_id) from {{ of }})

)

select {{ key }}
from record
where {{ key }} not in (select {{ key }} from {{ model }})
{% endtest %}
