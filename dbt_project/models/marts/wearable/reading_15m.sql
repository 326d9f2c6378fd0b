{{ readable_rollup('int_wearable_reading__by_quarter_hour') }}
