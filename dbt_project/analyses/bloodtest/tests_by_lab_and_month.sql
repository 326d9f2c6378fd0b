-- How many tests did each lab take in each month?
-- One row per lab and month that has tests, months in UTC. Implausible tests count: they were taken.
select
    bloodtest.lab_key,
    lab.lab_name,
    lab.city,
    date_trunc('month', bloodtest.tested_at)::date as month_on,
    count(*) as test_count,
    count(*) filter (where not bloodtest.is_plausible) as implausible_test_count
from bloodtest.bloodtest
inner join bloodtest.lab on bloodtest.lab_key = lab.lab_key
group by all
order by lab.lab_name, bloodtest.lab_key, month_on
