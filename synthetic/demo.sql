-- What was built, a line a source
select
    load.measurement as source,
    count(distinct file.clinic || '/' || file.delivery) as deliveries,
    count(distinct file.raw_path) as files,
    sum(file.row_count) as rows,
    sum(file.rejected_count) as rejected_rows,
    count(*) filter (where file.status = 'duplicate') as duplicate_files
from catalog.file as file
inner join (select distinct measurement from catalog.load) as load using (measurement)
group by load.measurement
order by source;

-- ECG: subjects, runs and heart rates
select
    sex,
    count(*) as subjects,
    sum(run_count) as runs,
    round(avg(mean_heart_rate_bpm), 1) as mean_heart_rate_bpm
from ecg.subject
group by sex
order by sex;

-- Practice: the revenue from patients with Amnesia and Asthma
select category, count(*) as windows_of_10_min, sum(revenue_eur) as revenue_eur, sum(claim_count) as claims
from practice.revenue_10min
group by category
order by category;

-- Balance: who passed the consent gate, and why the others did not
select entity, from_zone, to_zone, outcome, row_count as rows
from balance.funnel
where to_zone = 'trusted'
order by entity, is_kept desc, outcome;

-- Wearable: participants who stopped wearing, syncing or sharing
select
    participant_id,
    last_sync_at,
    nights_without_sleep,
    round(100 * recent_worn_share) as worn_pct,
    concat_ws(
        ', ',
        if(is_withdrawn, 'withdrawn', null),
        if(is_without_token, 'no token', null),
        if(is_not_synced, 'not synced', null),
        if(is_without_sleep, 'no sleep', null),
        if(is_worn_too_little, 'worn too little', null)
    ) as flags
from wearable.adherence
where is_withdrawn or is_without_token or is_not_synced or is_without_sleep or is_worn_too_little
order by participant_id;
