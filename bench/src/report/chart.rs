//! The chart: the cost of a request with sessions, compared with other libraries.

use svg::{
    Document,
    node::element::{Group, Line, Rectangle, Style, Text, Title},
};

use super::{Results, table::number, targets};
use crate::{
    results::Requests,
    subject::{Kind, Subject},
};

/// The subjects that are compared, for each kind of request.
const GROUPS: &[(&str, Kind, &[Subject])] = &[
    ("Redis, read", Kind::Read, REDIS),
    ("Redis, change", Kind::Change, REDIS),
    ("cookie, read", Kind::Read, COOKIE),
    ("cookie, change", Kind::Change, COOKIE),
    ("SQLite, read", Kind::Read, SQLITE),
    ("SQLite, change", Kind::Change, SQLITE),
    ("PostgreSQL, read", Kind::Read, POSTGRES),
    ("PostgreSQL, change", Kind::Change, POSTGRES),
    ("MariaDB, read", Kind::Read, MARIADB),
    ("MariaDB, change", Kind::Change, MARIADB),
    ("memory, read", Kind::Read, MEMORY),
    ("memory, change", Kind::Change, MEMORY),
];

const REDIS: &[Subject] = &[
    Subject::RedisNear,
    Subject::Redis,
    Subject::ActixRedis,
    Subject::TowerRedis,
];
const COOKIE: &[Subject] = &[Subject::Cookie, Subject::ActixCookie];
const SQLITE: &[Subject] = &[Subject::Sqlite, Subject::TowerSqlite];
const POSTGRES: &[Subject] = &[Subject::Postgres, Subject::TowerPostgres];
const MARIADB: &[Subject] = &[Subject::MariaDb, Subject::TowerMariaDb];
const MEMORY: &[Subject] = &[Subject::Memory, Subject::TowerMemory];

const WIDTH: f64 = 760.0;
const LEFT: f64 = 260.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 56.0;
const BAR: f64 = 16.0;
const GAP: f64 = 4.0;
const BETWEEN_GROUPS: f64 = 18.0;

/// Readable on light pages and dark ones.
const STYLE: &str = "
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; font-size: 15px; }
    .group { font-weight: 600; }
    .ours { fill: #1a7f64; }
    .theirs { fill: #9aa4ae; }
    .line { stroke: #8b949e; stroke-dasharray: 3 3; }
    .target { stroke: #d1572b; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; }
        .ours { fill: #3fb58f; }
        .theirs { fill: #6e7681; }
    }";

/// One bar.
struct Bar {
    subject: Subject,
    ratio: f64,
    target: Option<f64>,
}

pub(super) fn render(results: &Results) -> String {
    let groups: Vec<_> = GROUPS
        .iter()
        .map(|&(name, kind, subjects)| (name, bars(results.requests.as_ref(), kind, subjects)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let all = || groups.iter().flat_map(|(_, bars)| bars);
    let most = all().fold(1.0, |most: f64, bar| {
        most.max(bar.ratio).max(bar.target.unwrap_or(0.0))
    });
    let scale = (WIDTH - LEFT - RIGHT) / most;

    let mut drawing = Group::new();
    let mut y = TOP;
    for (name, bars) in &groups {
        drawing = drawing.add(text(8.0, y + BAR - GAP, "group", name));
        for bar in bars {
            drawing = drawing.add(draw(bar, y, scale));
            y += BAR + GAP;
        }
        y += BETWEEN_GROUPS;
    }
    let one = LEFT + scale;
    Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, y))
        .set("role", "img")
        .add(Title::new("Processor time of a request"))
        .add(Style::new(STYLE))
        .add(text(
            8.0,
            20.0,
            "title",
            "Processor time of a request, times that of the same server without sessions",
        ))
        .add(text(
            8.0,
            40.0,
            "note",
            "Shorter is better. The orange mark is the goal.",
        ))
        .add(drawing)
        .add(vertical("line", one, TOP - GAP, y - BETWEEN_GROUPS))
        .to_string()
}

fn bars(requests: Option<&Requests>, kind: Kind, subjects: &[Subject]) -> Vec<Bar> {
    let bar = |&subject| {
        Some(Bar {
            subject,
            ratio: requests?.ratio(subject, kind)?.median,
            target: targets::ratio(subject, kind),
        })
    };
    subjects.iter().filter_map(bar).collect()
}

fn draw(bar: &Bar, y: f64, scale: f64) -> Group {
    let ours = bar.subject.library() == crate::subject::Library::Sessile;
    let width = bar.ratio * scale;
    let end = LEFT + scale * bar.ratio.max(bar.target.unwrap_or(0.0));
    let baseline = y + BAR - GAP;
    let name = match bar.subject {
        Subject::RedisNear => "sessile, near cache",
        other => other.label().split(',').next().unwrap_or_default(),
    };
    let mut group = Group::new()
        .add(text(LEFT - 8.0, baseline, "name", name).set("text-anchor", "end"))
        .add(
            Rectangle::new()
                .set("class", if ours { "ours" } else { "theirs" })
                .set("x", LEFT)
                .set("y", y)
                .set("width", width)
                .set("height", BAR)
                .set("rx", 2),
        )
        .add(text(end + 6.0, baseline, "value", &number(bar.ratio)));
    if let Some(target) = bar.target {
        let x = LEFT + target * scale;
        group = group.add(vertical("target", x, y - 2.0, y + BAR + 2.0));
    }
    group
}

fn text(x: f64, y: f64, class: &str, content: &str) -> Text {
    Text::new(content)
        .set("class", class)
        .set("x", x)
        .set("y", y)
}

fn vertical(class: &str, x: f64, from: f64, to: f64) -> Line {
    Line::new()
        .set("class", class)
        .set("x1", x)
        .set("x2", x)
        .set("y1", from)
        .set("y2", to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{About, Cost, Rounds};

    fn cost(subject: Subject, processor_us: f64) -> Cost {
        Cost {
            subject,
            kind: Kind::Read,
            rounds: Rounds::of(&[(10.0, processor_us)]),
            round_trips: None,
        }
    }

    #[test]
    fn the_chart_is_well_formed_and_has_a_bar_for_each_subject() {
        let results = Results {
            requests: Some(Requests {
                about: About::default(),
                costs: vec![
                    cost(Subject::Memory, 12.0),
                    cost(Subject::TowerMemory, 40.0),
                ],
                footprints: Vec::new(),
            }),
            ..Results::default()
        };

        let chart = render(&results);
        let document = roxmltree::Document::parse(&chart).unwrap();

        let mut widths = document
            .descendants()
            .filter(|node| node.has_tag_name("rect"))
            .map(|node| node.attribute("width").unwrap().parse::<f64>().unwrap());
        let (ours, theirs) = (widths.next().unwrap(), widths.next().unwrap());
        assert_eq!(widths.next(), None);
        // In the proportion of what they cost, and within the drawing.
        assert!((theirs / ours - 4.0 / 1.2).abs() < 0.01, "{ours} {theirs}");
        assert!(LEFT + theirs <= WIDTH - RIGHT + 0.01, "{theirs}");
    }

    #[test]
    fn without_results_the_chart_is_well_formed_as_well() {
        let chart = render(&Results::default());

        assert!(roxmltree::Document::parse(&chart).is_ok(), "{chart}");
    }
}
