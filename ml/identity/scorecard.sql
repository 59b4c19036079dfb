-- The measures behind scorecard.py. Reads records, truth and prediction; folds values plainly, on its own, so
-- that no normalisation under test decides what counts as equal.

create or replace temp table record as
with folded as (
    select
        r.record_id,
        r.source_system,
        t.entity_id,
        t.household_id,
        t.role,
        p.customer_id,
        nullif(regexp_replace(strip_accents(lower(replace(r.first_name, 'ß', 'ss'))), '[^a-z]', '', 'g'), '')
            as first_name,
        nullif(regexp_replace(strip_accents(lower(replace(r.last_name, 'ß', 'ss'))), '[^a-z]', '', 'g'), '')
            as last_name,
        nullif(regexp_replace(strip_accents(lower(r.company_name)), '[^a-z0-9]', '', 'g'), '') as company_name,
        nullif(lower(trim(r.email)), '') as email,
        right(regexp_replace(r.phone, '[^0-9]', '', 'g'), 7) as phone,
        right(regexp_replace(r.mobile, '[^0-9]', '', 'g'), 7) as mobile,
        r.birth_date,
        r.card_no,
        r.vat_id,
        nullif(regexp_replace(upper(r.postal_code), '^[A-Z]+-|[^A-Z0-9]', '', 'g'), '') as postal_code,
        regexp_replace(strip_accents(lower(r.street)), '(strasse|str)?[^a-z]*$', '') as street,
        lower(replace(r.house_no, ' ', '')) as house_no
    from records as r
    inner join truth as t on r.record_id = t.record_id
    inner join prediction as p on r.record_id = p.record_id
)

select
    * exclude (phone, mobile),
    row_number() over (order by record_id) - 1 as ordinal,
    case when length(phone) >= 6 then phone end as phone,
    case when length(mobile) >= 6 then mobile end as mobile,
    postal_code || '|' || street || '|' || house_no as address
from folded;

create or replace macro spelling(a, b, swapped) as
case
    when a is null or b is null then 'unknown'
    when a = b then 'equal'
    when swapped then 'swapped'
    when a[1] = b[1] and levenshtein(a, b) <= 2 then 'misspelt'
    when contains(a, b) or contains(b, a) then 'part'
    else 'other'
end;

create or replace macro agreement(a, b) as
case when a is null or b is null then 'unknown' when a = b then 'equal' else 'other' end;

create or replace temp table true_pair as
with pairs as (
    select
        a.record_id as record_id_a,
        b.record_id as record_id_b,
        a.ordinal as ordinal_a,
        b.ordinal as ordinal_b,
        a.customer_id = b.customer_id as found,
        least(a.source_system, b.source_system) || '–' || greatest(a.source_system, b.source_system) as systems,
        case when a.role = 'company' then 'company' else 'person' end as entity_kind,
        coalesce(a.first_name = b.last_name and a.last_name = b.first_name, false) as swapped,
        spelling(a.first_name, b.first_name, swapped) as first_names,
        spelling(a.last_name, b.last_name, swapped) as last_names,
        agreement(a.email, b.email) as emails,
        case
            when a.phone in (b.phone, b.mobile) or a.mobile in (b.phone, b.mobile) then 'equal'
            when coalesce(a.phone, a.mobile) is null or coalesce(b.phone, b.mobile) is null then 'unknown'
            else 'other'
        end as phones,
        agreement(a.birth_date, b.birth_date) as birth_dates,
        case
            when a.address = b.address then 'equal'
            when a.postal_code is null or b.postal_code is null then 'unknown'
            when a.postal_code = b.postal_code then 'equal postal code'
            else 'other'
        end as addresses,
        coalesce(a.card_no = b.card_no, false) or coalesce(a.vat_id = b.vat_id, false) as same_number,
        coalesce(a.company_name = b.company_name, false) as same_company
    from record as a
    inner join record as b on a.entity_id = b.entity_id and a.record_id < b.record_id
)

select
    *,
    emails = 'equal' or phones = 'equal' or birth_dates = 'equal' or addresses like 'equal%' or same_number
        as share_a_value,
    share_a_value or same_company or swapped or (first_names = 'equal' and last_names = 'equal')
        as share_a_value_or_name
from pairs;

create or replace temp table false_pair as
select
    case
        when a.entity_id like 'nobody%' or b.entity_id like 'nobody%' then 'nobody'
        when a.role = 'company' and b.role = 'company' then 'two companies'
        when 'company' in (a.role, b.role) then 'person and company'
        when coalesce(a.household_id <> b.household_id, true) then 'strangers'
        when 'namesake' in (a.role, b.role) and (a.role in ('adult', 'partner') or b.role in ('adult', 'partner'))
            then 'namesakes of one household'
        when a.role = 'twin' and b.role = 'twin' then 'twins'
        when least(a.role, b.role) = 'adult' and greatest(a.role, b.role) = 'partner' then 'couple'
        when a.role = 'flatmate' then 'flatmates'
        else 'other relatives of one household'
    end as who,
    count(*) as pair_count
from record as a
inner join record as b
    on a.customer_id = b.customer_id and a.record_id < b.record_id and a.entity_id <> b.entity_id
group by who;
