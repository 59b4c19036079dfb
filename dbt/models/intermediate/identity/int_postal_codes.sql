select
    postal_key,
    count(*) as record_count
from {{ ref("int_records_normalised") }}
where postal_key is not null
group by postal_key
