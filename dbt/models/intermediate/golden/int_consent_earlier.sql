/*
What records said before they said what they say now, from the versions that raw keeps. A version that repeats the next
one is left out. A webshop account that never received the newsletter has said nothing.
*/
with members as (
    select
        *,
        coalesce(updated_at, issued_at) as recorded_at,
        row_number() over (
            partition by member_no
            order by updated_at desc nulls last, _load_id desc, _source_file desc, _source_line desc
        ) as version_rank
    from {{ source("raw", "shop__loyalty") }}
),

leads as (
    select
        *,
        row_number() over (
            partition by lead_id order by _load_id desc, _source_file desc, _source_line desc
        ) as version_rank
    from {{ source("raw", "leads__leads") }}
),

accounts as (
    select
        *,
        row_number() over (
            partition by customer_id
            order by updated_at desc nulls last, _load_id desc, _source_file desc, _source_line desc
        ) as version_rank,
        max(case when newsletter then 1 else 0 end) over (
            partition by customer_id
            order by updated_at asc nulls first, _load_id asc, _source_file asc, _source_line asc
            rows between unbounded preceding and current row
        ) as was_granted
    from {{ source("raw", "webshop__customers") }}
),

versions as (
    {{ form_statements("members", "shop", "member_no", "recorded_at") }}
    union all
    {{ form_statements("leads", "leads", "lead_id", "captured_at") }}
    union all
    select
        'webshop' as source_system,
        customer_id as source_record_id,
        'email' as channel,
        case when newsletter then 'granted' else 'withdrawn' end as status,
        coalesce(updated_at, created_at) as recorded_at,
        version_rank,
        {{ no_consent_evidence() }}
    from accounts
    where was_granted = 1
),

compared as (
    select
        *,
        lag(status) over (
            partition by source_system, source_record_id, channel order by version_rank
        ) as next_status
    from versions
)

select
    assignment.customer_id,
    compared.source_system,
    compared.source_record_id,
    compared.channel,
    compared.status,
    compared.recorded_at,
    compared.version_rank,
    compared.text_version,
    compared.double_opt_in_at,
    compared.ip_hash
from compared
inner join {{ source("identity", "identity_assignment") }} as assignment
    on concat(compared.source_system, ':', compared.source_record_id) = assignment.record_id
where compared.version_rank > 1 and compared.status is distinct from compared.next_status
