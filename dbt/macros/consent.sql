{# A lead's statement, null for none; an e-mail grant without a confirmation (double opt-in) proves nothing. #}
{% macro lead_consent_status(channel) -%}
    case
        when not consent_{{ channel }} then 'withdrawn'
        {%- if channel == "email" %}
        when consent_email and double_opt_in_at is null then 'unknown'
        {%- endif %}
        when consent_{{ channel }} then 'granted'
    end
{%- endmacro %}

{# The address a statement is about. Also what is no proper address is compared: a withdrawal is never lost. #}
{% macro address_for_consent(email) -%}
    coalesce({{ normalise_email(email) }}, lower({{ clean_text(email) }}))
{%- endmacro %}

{# The columns of a statement that comes without a form's evidence. #}
{% macro no_consent_evidence() -%}
    cast(null as {{ dbt.type_string() }}) as text_version,
    cast(null as {{ dbt.type_timestamp() }}) as double_opt_in_at,
    cast(null as {{ dbt.type_string() }}) as ip_hash
{%- endmacro %}

{# What every version of a form says: one select per channel. #}
{% macro form_statements(relation, source_system, record, recorded_at) -%}
    {%- for channel in ["email", "phone", "post"] %}
        select
            '{{ source_system }}' as source_system,
            {{ record }} as source_record_id,
            '{{ channel }}' as channel,
            {% if source_system == "leads" -%}
            {{ lead_consent_status(channel) }} as status,
            {%- else -%}
            case when consent_{{ channel }} then 'granted' else 'withdrawn' end as status,
            {%- endif %}
            {{ recorded_at }} as recorded_at,
            version_rank,
            {% if source_system == "leads" -%}
            consent_text_version as text_version,
            case when '{{ channel }}' = 'email' and consent_email then double_opt_in_at end as double_opt_in_at,
            consent_ip_hash as ip_hash
            {%- else -%}
            {{ no_consent_evidence() }}
            {%- endif %}
        from {{ relation }}
        where consent_{{ channel }} is not null
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro %}
