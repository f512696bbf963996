-- The dataset store. Ids are TEXT made by the client, times are UTC ISO-8601 texts, spans are integer
-- microseconds, media paths are relative to the dataset. Annotations, reviews, settlements, scores,
-- decisions and attempts are appended, never rewritten; the *_head tables point at the current ones
-- and can be rebuilt from the history at any time (mel verify does, and compares).

CREATE TABLE setting (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Vocabularies are data: schemas/vocabulary.json, by version. Retired terms stay valid in old answers.
CREATE TABLE vocabulary_term (
    field TEXT NOT NULL,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    parent TEXT,
    position INTEGER NOT NULL,
    since_version INTEGER NOT NULL,
    retired_version INTEGER,
    PRIMARY KEY (field, id)
) STRICT, WITHOUT ROWID;

-- Who says things: people, published lists, scripts, Melkit itself.
CREATE TABLE annotator (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'import', 'script', 'system')),
    display_name TEXT,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- sources and clips --------------------------------------------------------------------------

CREATE TABLE source (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('youtube', 'url', 'file')),
    locator TEXT NOT NULL,
    title TEXT,
    channel_id TEXT,
    channel TEXT,
    license TEXT,
    upload_date TEXT,
    duration_us INTEGER,
    extractor TEXT,
    metadata_json TEXT,
    availability TEXT NOT NULL DEFAULT 'unknown'
        CHECK (availability IN ('unknown', 'available', 'gone', 'conditional', 'unreachable')),
    availability_seen_at TEXT,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX source_channel ON source (channel);

-- Each time somebody looked whether a source is still there.
CREATE TABLE sighting (
    id TEXT NOT NULL PRIMARY KEY,
    source_id TEXT NOT NULL REFERENCES source (id),
    at TEXT NOT NULL,
    availability TEXT NOT NULL,
    reason TEXT,
    message TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sighting_source ON sighting (source_id, at);

CREATE TABLE clip (
    id TEXT NOT NULL PRIMARY KEY,
    source_id TEXT NOT NULL REFERENCES source (id),
    start_us INTEGER NOT NULL CHECK (start_us >= 0),
    end_us INTEGER NOT NULL CHECK (end_us > start_us),
    state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'ready', 'failed')),
    reason TEXT,
    failure_class TEXT CHECK (failure_class IN
        ('permanent', 'conditional', 'transient', 'pause', 'configuration', 'local')),
    message TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    published_split TEXT,
    created_at TEXT NOT NULL,
    changed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX clip_source ON clip (source_id, start_us);
CREATE INDEX clip_state ON clip (state, id);

CREATE TABLE attempt (
    id TEXT NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL REFERENCES clip (id),
    at TEXT NOT NULL,
    took_us INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('ready', 'failed')),
    reason TEXT,
    message TEXT,
    fetched_bytes INTEGER NOT NULL DEFAULT 0,
    tools_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_clip ON attempt (clip_id, at);

CREATE TABLE media (
    clip_id TEXT NOT NULL REFERENCES clip (id),
    role TEXT NOT NULL CHECK (role IN ('audio', 'preview', 'still')),
    position INTEGER NOT NULL DEFAULT 0,
    path TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
    made_by_json TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (clip_id, role, position)
) STRICT, WITHOUT ROWID;

-- What was cut, as measured on the products.
CREATE TABLE cut (
    clip_id TEXT NOT NULL PRIMARY KEY REFERENCES clip (id),
    got_start_us INTEGER NOT NULL,
    sample_rate_hz INTEGER NOT NULL,
    channels INTEGER NOT NULL,
    bits_per_sample INTEGER NOT NULL,
    audio_samples INTEGER NOT NULL,
    missing_samples INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    rotation_deg INTEGER NOT NULL,
    preview_width INTEGER NOT NULL,
    preview_height INTEGER NOT NULL,
    preview_frames INTEGER NOT NULL,
    container TEXT NOT NULL,
    audio_codec TEXT NOT NULL,
    video_codec TEXT NOT NULL,
    format_id TEXT
) STRICT, WITHOUT ROWID;

-- Quality measures (curator/measures.h has the meanings); NULL = could not be said.
CREATE TABLE quality (
    clip_id TEXT NOT NULL PRIMARY KEY REFERENCES clip (id),
    silence_share REAL,
    silence_longest_s REAL,
    clipped_runs REAL,
    clipped_share REAL,
    loudness_lufs REAL,
    loudness_range_lu REAL,
    true_peak_dbtp REAL,
    bandwidth_hz REAL,
    stereo_correlation REAL,
    side_level_db REAL,
    dc_offset REAL,
    dropouts REAL,
    gap_s REAL,
    crest_db REAL,
    tempo_bpm REAL,
    onset_rate_hz REAL,
    black_share REAL,
    sharpness_median REAL,
    motion_mean REAL,
    static_share REAL,
    shot_cuts REAL,
    brightness_mean REAL,
    contrast REAL,
    frame_count REAL,
    frame_rate_hz REAL,
    longest_frame_s REAL
) STRICT, WITHOUT ROWID;

CREATE TABLE frame (
    clip_id TEXT NOT NULL REFERENCES clip (id),
    position INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    score REAL NOT NULL,
    sharpness REAL NOT NULL,
    brightness REAL NOT NULL,
    black_share REAL NOT NULL,
    picture_hash TEXT NOT NULL CHECK (length(picture_hash) = 16),
    frame_hash TEXT NOT NULL CHECK (length(frame_hash) = 16),
    PRIMARY KEY (clip_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE landmark (
    clip_id TEXT NOT NULL PRIMARY KEY REFERENCES clip (id),
    version INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- ---- lists ----------------------------------------------------------------------------------------

CREATE TABLE import_list (
    id TEXT NOT NULL PRIMARY KEY,
    path TEXT NOT NULL,
    format TEXT NOT NULL,
    at TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    added_count INTEGER NOT NULL,
    bad_count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE bad_row (
    list_path TEXT NOT NULL,
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    text TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    PRIMARY KEY (list_path, line, text)
) STRICT, WITHOUT ROWID;

CREATE TABLE label (
    clip_id TEXT NOT NULL REFERENCES clip (id),
    scheme TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (clip_id, scheme, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX label_value ON label (scheme, value);

-- ---- annotations ------------------------------------------------------------------------------------

CREATE TABLE annotation (
    id TEXT NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL REFERENCES clip (id),
    annotator_id TEXT NOT NULL REFERENCES annotator (id),
    rev INTEGER NOT NULL CHECK (rev >= 1),
    state TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'withdrawn')),
    genre TEXT,
    tempo TEXT,
    bpm REAL CHECK (bpm > 0),
    dissonance TEXT,
    metre TEXT,
    feel TEXT,
    text TEXT,
    relevance TEXT,
    frame_position INTEGER,
    frame_why TEXT,
    comment TEXT,
    vocabulary_version INTEGER NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('app', 'script', 'import', 'packet', 'settled')),
    active_us INTEGER,
    created_at TEXT NOT NULL,
    UNIQUE (clip_id, annotator_id, rev)
) STRICT, WITHOUT ROWID;

CREATE TABLE annotation_term (
    annotation_id TEXT NOT NULL REFERENCES annotation (id),
    field TEXT NOT NULL CHECK (field IN ('mood', 'voice', 'instrument', 'genre', 'aspect')),
    term TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL,
    PRIMARY KEY (annotation_id, field, term)
) STRICT, WITHOUT ROWID;

CREATE TABLE annotation_head (
    clip_id TEXT NOT NULL REFERENCES clip (id),
    annotator_id TEXT NOT NULL REFERENCES annotator (id),
    annotation_id TEXT NOT NULL REFERENCES annotation (id),
    rev INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (clip_id, annotator_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX annotation_head_annotator ON annotation_head (annotator_id, state);

CREATE TABLE review (
    id TEXT NOT NULL PRIMARY KEY,
    annotation_id TEXT NOT NULL REFERENCES annotation (id),
    reviewer_id TEXT NOT NULL REFERENCES annotator (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'return', 'dispute')),
    fields_json TEXT,
    comment TEXT,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX review_annotation ON review (annotation_id, created_at);

-- The settled answer of a clip is an annotation: the only one, or a merged one by 'settled'.
CREATE TABLE settlement (
    id TEXT NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL REFERENCES clip (id),
    rev INTEGER NOT NULL CHECK (rev >= 1),
    state TEXT NOT NULL CHECK (state IN ('settled', 'disputed', 'open')),
    method TEXT NOT NULL CHECK (method IN ('single', 'agreed', 'adjudicated', 'none')),
    annotation_id TEXT REFERENCES annotation (id),
    disputed_json TEXT,
    by_id TEXT NOT NULL REFERENCES annotator (id),
    created_at TEXT NOT NULL,
    UNIQUE (clip_id, rev)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlement_field (
    settlement_id TEXT NOT NULL REFERENCES settlement (id),
    field TEXT NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('single', 'agreed', 'majority', 'adjudicated')),
    from_annotation_id TEXT REFERENCES annotation (id),
    PRIMARY KEY (settlement_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlement_head (
    clip_id TEXT NOT NULL PRIMARY KEY REFERENCES clip (id),
    settlement_id TEXT NOT NULL REFERENCES settlement (id),
    annotation_id TEXT REFERENCES annotation (id),
    rev INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX settlement_head_state ON settlement_head (state);

-- ---- annotation workflow -----------------------------------------------------------------------------

CREATE TABLE assignment (
    id TEXT NOT NULL PRIMARY KEY,
    batch TEXT NOT NULL,
    clip_id TEXT NOT NULL REFERENCES clip (id),
    annotator_id TEXT NOT NULL REFERENCES annotator (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('work', 'overlap', 'gold', 'retest', 'review')),
    position INTEGER NOT NULL,
    not_before TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (batch, clip_id, annotator_id, purpose)
) STRICT, WITHOUT ROWID;
CREATE INDEX assignment_annotator ON assignment (annotator_id, position);

CREATE TABLE packet (
    id TEXT NOT NULL PRIMARY KEY,
    annotator_id TEXT NOT NULL REFERENCES annotator (id),
    clip_count INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE packet_merge (
    sha256 TEXT NOT NULL PRIMARY KEY,
    packet_id TEXT NOT NULL,
    added_count INTEGER NOT NULL,
    known_count INTEGER NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE suggestion (
    id TEXT NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL REFERENCES clip (id),
    field TEXT NOT NULL,
    value_json TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX suggestion_clip ON suggestion (clip_id);

CREATE TABLE suggestion_use (
    id TEXT NOT NULL PRIMARY KEY,
    suggestion_id TEXT NOT NULL REFERENCES suggestion (id),
    annotator_id TEXT NOT NULL REFERENCES annotator (id),
    action TEXT NOT NULL CHECK (action IN ('shown', 'accepted', 'edited', 'ignored')),
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- scores, passes, duplicates, splits -----------------------------------------------------------------

CREATE TABLE score_bank (
    id TEXT NOT NULL PRIMARY KEY,
    text_count INTEGER NOT NULL,
    texts_sha256 TEXT NOT NULL,
    condition TEXT,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE score (
    id TEXT NOT NULL PRIMARY KEY,
    clip_id TEXT NOT NULL REFERENCES clip (id),
    name TEXT NOT NULL,
    value REAL NOT NULL,
    model TEXT NOT NULL,
    model_sha256 TEXT,
    parameters_json TEXT NOT NULL,
    bank_id TEXT REFERENCES score_bank (id),
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX score_clip ON score (clip_id, name, created_at);

CREATE TABLE score_head (
    clip_id TEXT NOT NULL REFERENCES clip (id),
    name TEXT NOT NULL,
    score_id TEXT NOT NULL REFERENCES score (id),
    value REAL NOT NULL,
    PRIMARY KEY (clip_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX score_head_value ON score_head (name, value);

CREATE TABLE pass (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    condition TEXT NOT NULL,
    note TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (name, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE pass_undo (
    pass_id TEXT NOT NULL PRIMARY KEY REFERENCES pass (id),
    note TEXT,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pass_run (
    id TEXT NOT NULL PRIMARY KEY,
    pass_id TEXT NOT NULL REFERENCES pass (id),
    examined_count INTEGER NOT NULL,
    excluded_count INTEGER NOT NULL,
    version TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pass_run_pass ON pass_run (pass_id);

CREATE TABLE pass_exclusion (
    clip_id TEXT NOT NULL REFERENCES clip (id),
    pass_id TEXT NOT NULL REFERENCES pass (id),
    run_id TEXT NOT NULL REFERENCES pass_run (id),
    values_json TEXT NOT NULL,
    PRIMARY KEY (clip_id, pass_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pass_exclusion_pass ON pass_exclusion (pass_id);

CREATE TABLE duplicate_edge (
    clip_a TEXT NOT NULL REFERENCES clip (id),
    clip_b TEXT NOT NULL REFERENCES clip (id),
    kind TEXT NOT NULL CHECK (kind IN ('audio', 'picture', 'text')),
    score REAL NOT NULL,
    offset_us INTEGER NOT NULL,
    evidence INTEGER NOT NULL,
    method TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (clip_a, clip_b, kind),
    CHECK (clip_a < clip_b)
) STRICT, WITHOUT ROWID;
CREATE INDEX duplicate_edge_b ON duplicate_edge (clip_b);

-- A person looked and says: not the same.
CREATE TABLE duplicate_break (
    clip_a TEXT NOT NULL,
    clip_b TEXT NOT NULL,
    kind TEXT NOT NULL,
    note TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (clip_a, clip_b, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE split (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    seed TEXT NOT NULL,
    sides_json TEXT NOT NULL,
    stratify TEXT NOT NULL,
    condition TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE split_member (
    split_id TEXT NOT NULL REFERENCES split (id),
    clip_id TEXT NOT NULL REFERENCES clip (id),
    side TEXT NOT NULL,
    group_key TEXT NOT NULL,
    assigned_at TEXT NOT NULL,
    PRIMARY KEY (split_id, clip_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX split_member_clip ON split_member (clip_id);

-- Train members that a later edge joined to another side.
CREATE TABLE split_drop (
    split_id TEXT NOT NULL REFERENCES split (id),
    clip_id TEXT NOT NULL REFERENCES clip (id),
    why TEXT NOT NULL,
    dropped_at TEXT NOT NULL,
    PRIMARY KEY (split_id, clip_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE export (
    id TEXT NOT NULL PRIMARY KEY,
    split_id TEXT REFERENCES split (id),
    format TEXT NOT NULL,
    path TEXT NOT NULL,
    item_count INTEGER NOT NULL,
    file_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- runs and ratings -------------------------------------------------------------------------------------

CREATE TABLE run (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    split_id TEXT REFERENCES split (id),
    folder TEXT NOT NULL,
    config_json TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run_event (
    id TEXT NOT NULL PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES run (id),
    kind TEXT NOT NULL CHECK (kind IN ('started', 'resumed', 'checkpoint', 'metric', 'stopped', 'done')),
    step INTEGER NOT NULL,
    data_json TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX run_event_run ON run_event (run_id, step);

CREATE TABLE rating (
    id TEXT NOT NULL PRIMARY KEY,
    run_id TEXT REFERENCES run (id),
    clip_id TEXT REFERENCES clip (id),
    sample TEXT NOT NULL,
    rater_id TEXT NOT NULL REFERENCES annotator (id),
    kind TEXT NOT NULL CHECK (kind IN ('OVL', 'REL')),
    value INTEGER NOT NULL CHECK (value BETWEEN 1 AND 100),
    session TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- takedown: a tombstone blocks every way back in ---------------------------------------------------------

CREATE TABLE takedown (
    source_id TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    request_ref TEXT,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
