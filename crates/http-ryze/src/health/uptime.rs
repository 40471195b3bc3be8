use std::time::Duration;

/// A duration as Go writes it, to the millisecond: `1h2m3.456s`, `2m0s`, `15ms`, `0s`.
pub(super) fn in_words(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    if seconds == 0 {
        return if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") };
    }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let fraction = format!(".{millis:03}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let rest = format!("{}{fraction}s", seconds % 60);
    match (hours, minutes) {
        (0, 0) => rest,
        (0, minutes) => format!("{minutes}m{rest}"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_writes_them() {
        let cases = [
            (0, "0s"),
            (15, "15ms"),
            (1_000, "1s"),
            (1_500, "1.5s"),
            (120_000, "2m0s"),
            (3_723_456, "1h2m3.456s"),
            (45_296_000, "12h34m56s"),
            (360_000_010, "100h0m0.01s"),
        ];
        for (millis, text) in cases {
            assert_eq!(in_words(Duration::from_millis(millis)), text);
        }
    }
}
