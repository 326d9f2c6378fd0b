-- A returned row is a subject whose runs disagree on sex or age: a header is wrong, or two persons share a number.
{{ config(severity='warn') }}

select
    subject_key,
    conflict_reason
from {{ ref('subject') }}
where has_conflict
