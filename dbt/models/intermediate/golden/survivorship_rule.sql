{% set rules = var("survivorship") %}
{% for group in golden_fields() %}
    {% set rule = rules[group] %}
    select
        '{{ group }}' as attribute_group,
        '{{ rule["strategies"] | join(", ") }}' as strategy,
        {% for position in range(3) %}
            {% if position < rule["strategies"] | length %}
                '{{ rule["strategies"][position] }}' as strategy_{{ position + 1 }},
            {% else %}
                cast(null as {{ dbt.type_string() }}) as strategy_{{ position + 1 }},
            {% endif %}
        {% endfor %}
        {% for source in ["shop", "branch", "webshop", "leads"] %}
            {{ rule["sources"].index(source) + 1 }} as {{ source }}_priority,
        {% endfor %}
        {{ "true" if rule["allow_fill"] else "false" }} as allow_fill
    {{ "union all" if not loop.last }}
{% endfor %}
