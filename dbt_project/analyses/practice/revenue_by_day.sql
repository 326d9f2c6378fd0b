-- How much revenue came from the patients of each category, day by day?
-- One row per office, day (UTC) and category. window_count: ten minutes that had any.
select
    clinic,
    window_start_at::date as day_on,
    category,
    sum(revenue_eur) as revenue_eur,
    sum(claim_count)::bigint as claim_count,
    count(*) as window_count
from practice.revenue_10min
group by
    clinic,
    day_on,
    category
order by
    clinic,
    day_on,
    category
