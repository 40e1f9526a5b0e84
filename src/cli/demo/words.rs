//! What the demo's people are called and write about.

/// One tenant's own vocabulary.
pub(super) struct Flavour {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) users: usize,
    pub(super) posts: usize,
    pub(super) things: &'static [&'static str],
    pub(super) places: &'static [&'static str],
}

pub(super) const ACME: Flavour = Flavour {
    slug: "acme",
    name: "Acme Robotics",
    users: 30,
    posts: 240,
    things: &[
        "arm calibration",
        "the gripper firmware",
        "torque limits",
        "the new vision model",
        "battery swaps",
        "the safety fence",
        "spare servo motors",
        "the packing cell",
        "night-shift telemetry",
        "the training simulator",
    ],
    places: &["the Ghent plant", "line 4", "the test hall", "the Porto warehouse", "the customer lab"],
};

pub(super) const GLOBEX: Flavour = Flavour {
    slug: "globex",
    name: "Globex Gardens",
    users: 24,
    posts: 180,
    things: &[
        "drip irrigation",
        "the seed library",
        "compost deliveries",
        "greenhouse heating",
        "the tulip order",
        "pest reports",
        "the spring catalogue",
        "soil samples",
        "the rain-water tanks",
        "volunteer days",
    ],
    places: &["the north greenhouse", "the Utrecht nursery", "the rose beds", "the orchard", "the market stall"],
};

/// First names, and as they stand in an address.
pub(super) const FIRST: [(&str, &str); 30] = [
    ("Amara", "amara"),
    ("Søren", "soren"),
    ("Yuki", "yuki"),
    ("Léa", "lea"),
    ("Tomás", "tomas"),
    ("Priya", "priya"),
    ("Łukasz", "lukasz"),
    ("Zoë", "zoe"),
    ("Kwame", "kwame"),
    ("Ingrid", "ingrid"),
    ("Mehmet", "mehmet"),
    ("Noor", "noor"),
    ("Dmitri", "dmitri"),
    ("Chiara", "chiara"),
    ("Hugo", "hugo"),
    ("Anh", "anh"),
    ("Fatima", "fatima"),
    ("Jonas", "jonas"),
    ("Maya", "maya"),
    ("Oscar", "oscar"),
    ("Siobhán", "siobhan"),
    ("Rafael", "rafael"),
    ("Elif", "elif"),
    ("Pieter", "pieter"),
    ("Grace", "grace"),
    ("Mateo", "mateo"),
    ("Hana", "hana"),
    ("Viktor", "viktor"),
    ("Lucía", "lucia"),
    ("Emeka", "emeka"),
];

/// Last names, and as they stand in an address.
pub(super) const LAST: [(&str, &str); 17] = [
    ("Okafor", "okafor"),
    ("Lindqvist", "lindqvist"),
    ("Tanaka", "tanaka"),
    ("Moreau", "moreau"),
    ("García", "garcia"),
    ("Raman", "raman"),
    ("Nowak", "nowak"),
    ("de Vries", "devries"),
    ("Mensah", "mensah"),
    ("Haugen", "haugen"),
    ("Yılmaz", "yilmaz"),
    ("Rossi", "rossi"),
    ("Nguyễn", "nguyen"),
    ("O'Brien", "obrien"),
    ("Schäfer", "schaefer"),
    ("Costa", "costa"),
    ("Novák", "novak"),
];

/// `{thing}` and `{place}` are filled in; the first letter is raised afterwards.
pub(super) const TITLES: [&str; 10] = [
    "{thing}: what we learned this week",
    "notes from {place}",
    "a question about {thing}",
    "how we check {thing} at {place}",
    "{thing} is ready for review",
    "please read before working on {thing}",
    "visitors at {place} on Thursday",
    "who has time for {thing}?",
    "{thing} in numbers",
    "plan for {place} and {thing}",
];

/// As for titles.
pub(super) const SENTENCES: [&str; 12] = [
    "We spent the morning at {place} and looked at {thing} together.",
    "Nothing broke, which is more than we could say last time.",
    "If you need a hand with {thing}, ask in the Tuesday meeting.",
    "The numbers for {place} are 12% better than in the last quarter.",
    "I have written the steps down so that nobody has to ask twice.",
    "There is one open point: who looks after {thing} during the holidays?",
    "Thanks to everybody who stayed late at {place}.",
    "The supplier promised an answer by Friday.",
    "Photos and measurements are on the shared drive.",
    "Next step: a short test at {place}, then we decide.",
    "We tried the cheap way first and it held for two days.",
    "Comments are welcome, corrections even more so.",
];
