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
