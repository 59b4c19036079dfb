{# A name in one field: "Maria Meier", "Meier, Maria", "Dr. Maria von der Heide". Null for an empty field. #}

{% macro first_name_of(name) -%}
    nullif(
        case
            when {{ name }} like '%,%' then trim({{ regexp_group(name, "^[^,]*,(.*)$", 1) }})
            when trim({{ name }}) like '% %'
                then trim({{ regexp_group("trim(" ~ name ~ ")", "^(.*?) ((?:(?:von|van|vom|zu|zur|zum|de|der|den|ter|del|di|da|la|le|Von|Van|Zu|De|Der) )*[^ ]+)$", 1) }})
        end,
        ''
    )
{%- endmacro %}

{% macro last_name_of(name) -%}
    nullif(
        case
            when {{ name }} like '%,%' then trim({{ text_part(name, ",", 1) }})
            when trim({{ name }}) like '% %'
                then trim({{ regexp_group("trim(" ~ name ~ ")", "^(.*?) ((?:(?:von|van|vom|zu|zur|zum|de|der|den|ter|del|di|da|la|le|Von|Van|Zu|De|Der) )*[^ ]+)$", 2) }})
            else trim({{ name }})
        end,
        ''
    )
{%- endmacro %}
