{# A lead's statement; an e-mail grant without a confirmation by e-mail (double opt-in) proves nothing. #}
{% macro lead_consent_status(channel) -%}
    case
        when not consent_{{ channel }} then 'withdrawn'
        {%- if channel == "email" %}
        when double_opt_in_at is null then 'unknown'
        {%- endif %}
        else 'granted'
    end
{%- endmacro %}

{# The address a statement is about. Also what is no proper address is compared: a withdrawal is never lost. #}
{% macro address_for_consent(email) -%}
    coalesce({{ normalise_email(email) }}, lower({{ clean_text(email) }}))
{%- endmacro %}
