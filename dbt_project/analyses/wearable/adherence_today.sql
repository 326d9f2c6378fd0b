-- Which participants should the study's coordinator call today, and why?
-- One row per participant with a flag, those first who are longest out of touch.
select
    clinic,
    participant_id,
    concat_ws(
        ', ',
        if(is_without_token, 'shares no data', null),
        if(is_not_synced, coalesce(format('last synced {:.0f} h ago', hours_since_sync), 'never synced'), null),
        if(is_without_sleep, format('no sleep for {} nights', nights_without_sleep), null),
        if(is_worn_too_little, format('worn {:.0f} % of the last days', 100 * coalesce(recent_worn_share, 0)), null)
    ) as reasons,
    last_sync_at,
    now_at
from wearable.adherence
where is_without_token or is_not_synced or is_without_sleep or is_worn_too_little
order by
    last_sync_at nulls first,
    clinic,
    participant_id
