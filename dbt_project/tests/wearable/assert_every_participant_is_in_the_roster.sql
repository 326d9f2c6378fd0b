-- A returned row is a participant whose readings wait because no roster names the participant.
{{ config(severity='warn') }}

select
    participant_key,
    reading_count
from {{ ref('unknown_participant') }}
