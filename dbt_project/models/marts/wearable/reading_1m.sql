{{ readable_rollup('int_wearable_reading__by_minute') }}
