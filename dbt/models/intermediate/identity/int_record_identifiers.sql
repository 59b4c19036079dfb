with records as (
    select
        *,
        -- Initials, so that a name misspelt often does not look like many people; nobody has none.
        case when not is_junk then coalesce(left(company_key, 3), left(last_key, 2) || left(first_key, 1)) end
            as name_initials
    from {{ ref("int_records_normalised") }}
)

{% for identifier_kind, column in identifier_columns() %}
    select
        record_no,
        '{{ column }}' as key_column,
        {{ block_hash(["'" ~ identifier_kind ~ "'", column]) }} as value_hash,
        name_initials
    from records
    where {{ column }} is not null
    {{ "union all" if not loop.last }}
{% endfor %}
