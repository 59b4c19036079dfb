with hosts as (
    select
        {{ email_host(email_address("email")) }} as host,
        count(*) as record_count
    from {{ ref("int_source_records") }}
    where email is not null
    group by {{ email_host(email_address("email")) }}
),

providers as (
    {% for domain in public_email_domains() %}
        select '{{ domain }}' as provider
        {{ "union all" if not loop.last }}
    {% endfor %}
),

known as (
    select
        providers.provider,
        coalesce(hosts.record_count, 0) as record_count
    from providers
    left join hosts on providers.provider = hosts.host
),

-- gmial.com is gmail.com: a host that nearly nobody has, one slip away from a provider that many have.
slips as (
    select
        hosts.host,
        {{ max_value_by("known.provider", "known.record_count") }} as provider
    from hosts
    inner join known
        on
            known.record_count > 20 * hosts.record_count
            and abs(length(hosts.host) - length(known.provider)) <= 1
            and (
                {{ edit_distance("hosts.host", "known.provider") }} <= 1
                or (
                    {{ edit_distance("hosts.host", "known.provider") }} = 2
                    and {{ same_letters("hosts.host", "known.provider") }}
                )
            )
    where not {{ is_public_email_domain("hosts.host") }} and length(hosts.host) < 20
    group by hosts.host
)

select
    hosts.host,
    hosts.record_count,
    coalesce(slips.provider, hosts.host) as corrected_host
from hosts
left join slips on hosts.host = slips.host
where hosts.host is not null
