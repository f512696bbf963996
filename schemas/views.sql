-- The public read views: a stable interface for --where and for anybody's own SQLite client. They are
-- made again whenever the store is migrated, so they may grow columns; they never lose any.

DROP VIEW IF EXISTS clips;
CREATE VIEW clips AS
SELECT c.id AS id,
       c.source_id AS source,
       c.start_us / 1000000.0 AS start_s,
       c.end_us / 1000000.0 AS end_s,
       c.state AS state,
       c.reason AS reason,
       c.failure_class AS failure_class,
       c.message AS message,
       c.attempts AS attempts,
       c.published_split AS published_split,
       c.created_at AS created_at,
       c.changed_at AS changed_at,
       s.kind AS kind,
       s.locator AS locator,
       s.title AS title,
       s.channel AS channel,
       s.license AS license,
       s.duration_us / 1000000.0 AS source_duration_s,
       s.availability AS availability,
       NOT EXISTS (SELECT 1 FROM pass_exclusion AS x
                    WHERE x.clip_id = c.id
                      AND NOT EXISTS (SELECT 1 FROM pass_undo AS u WHERE u.pass_id = x.pass_id))
           AS included,
       (SELECT group_concat(p.name, ',') FROM pass_exclusion AS x JOIN pass AS p ON p.id = x.pass_id
         WHERE x.clip_id = c.id
           AND NOT EXISTS (SELECT 1 FROM pass_undo AS u WHERE u.pass_id = x.pass_id)) AS excluded_by,
       (SELECT count(*) FROM annotation_head AS h
         WHERE h.clip_id = c.id AND h.state = 'submitted' AND h.annotator_id <> 'settled'
           AND h.annotator_id NOT LIKE '%~retest')
           AS annotation_count,
       t.state AS settled_state,
       a.genre AS genre,
       a.tempo AS tempo,
       a.bpm AS bpm,
       a.text AS text,
       a.relevance AS relevance,
       (SELECT value FROM score_head AS v WHERE v.clip_id = c.id AND v.name = 'imsm') AS imsm,
       (SELECT value FROM score_head AS v WHERE v.clip_id = c.id AND v.name = 'clip') AS clip_score,
       (SELECT value FROM score_head AS v WHERE v.clip_id = c.id AND v.name = 'clap') AS clap_score,
       EXISTS (SELECT 1 FROM duplicate_edge AS e WHERE e.clip_a = c.id AND e.kind <> 'text'
                AND NOT EXISTS (SELECT 1 FROM duplicate_break AS b WHERE b.clip_a = e.clip_a
                                 AND b.clip_b = e.clip_b AND b.kind = e.kind))
       OR EXISTS (SELECT 1 FROM duplicate_edge AS e WHERE e.clip_b = c.id AND e.kind <> 'text'
                AND NOT EXISTS (SELECT 1 FROM duplicate_break AS b WHERE b.clip_a = e.clip_a
                                 AND b.clip_b = e.clip_b AND b.kind = e.kind)) AS duplicated,
       EXISTS (SELECT 1 FROM duplicate_edge AS e JOIN clip AS o ON o.id = e.clip_a
                WHERE e.clip_b = c.id AND e.kind <> 'text' AND o.source_id <> c.source_id
                  AND NOT EXISTS (SELECT 1 FROM duplicate_break AS b WHERE b.clip_a = e.clip_a
                                   AND b.clip_b = e.clip_b AND b.kind = e.kind)) AS duplicate_of_earlier,
       k.got_start_us / 1000000.0 AS got_start_s,
       k.sample_rate_hz AS sample_rate_hz,
       k.channels AS channels,
       k.audio_samples AS audio_samples,
       k.missing_samples AS missing_samples,
       k.width AS width,
       k.height AS height,
       k.container AS container,
       k.audio_codec AS audio_codec,
       k.video_codec AS video_codec,
       q.silence_share AS silence_share,
       q.silence_longest_s AS silence_longest_s,
       q.clipped_runs AS clipped_runs,
       q.clipped_share AS clipped_share,
       q.loudness_lufs AS loudness_lufs,
       q.loudness_range_lu AS loudness_range_lu,
       q.true_peak_dbtp AS true_peak_dbtp,
       q.bandwidth_hz AS bandwidth_hz,
       q.stereo_correlation AS stereo_correlation,
       q.side_level_db AS side_level_db,
       q.dc_offset AS dc_offset,
       q.dropouts AS dropouts,
       q.gap_s AS gap_s,
       q.crest_db AS crest_db,
       q.tempo_bpm AS tempo_bpm,
       q.onset_rate_hz AS onset_rate_hz,
       q.black_share AS black_share,
       q.sharpness_median AS sharpness_median,
       q.motion_mean AS motion_mean,
       q.static_share AS static_share,
       q.shot_cuts AS shot_cuts,
       q.brightness_mean AS brightness_mean,
       q.contrast AS contrast,
       q.frame_count AS frame_count,
       q.frame_rate_hz AS frame_rate_hz,
       q.longest_frame_s AS longest_frame_s
  FROM clip AS c
  JOIN source AS s ON s.id = c.source_id
  LEFT JOIN cut AS k ON k.clip_id = c.id
  LEFT JOIN quality AS q ON q.clip_id = c.id
  LEFT JOIN settlement_head AS t ON t.clip_id = c.id
  LEFT JOIN annotation AS a ON a.id = t.annotation_id AND t.state = 'settled';

-- The newest revision of each person's answer to each clip; several people's merged answer is there
-- too, as that of the annotator 'settled' (annotator_kind 'system'), while the clip stands on it. What
-- a person answered when asked again has retest = 1, and that person's name in person.
DROP VIEW IF EXISTS annotations;
CREATE VIEW annotations AS
SELECT a.id AS id,
       h.clip_id AS clip,
       h.annotator_id AS annotator,
       replace(h.annotator_id, '~retest', '') AS person,
       h.annotator_id LIKE '%~retest' AS retest,
       p.kind AS annotator_kind,
       a.rev AS rev,
       a.state AS state,
       a.genre AS genre,
       a.tempo AS tempo,
       a.bpm AS bpm,
       a.dissonance AS dissonance,
       a.metre AS metre,
       a.feel AS feel,
       a.text AS text,
       a.relevance AS relevance,
       a.frame_position AS frame_position,
       a.frame_why AS frame_why,
       a.comment AS comment,
       (SELECT group_concat(term, ',') FROM annotation_term AS t
         WHERE t.annotation_id = a.id AND t.field = 'mood') AS moods,
       (SELECT group_concat(term, ',') FROM annotation_term AS t
         WHERE t.annotation_id = a.id AND t.field = 'voice') AS voices,
       (SELECT group_concat(CASE role WHEN '' THEN term ELSE term || '/' || role END, ',')
          FROM annotation_term AS t
         WHERE t.annotation_id = a.id AND t.field = 'instrument') AS instruments,
       (SELECT group_concat(term, ',') FROM annotation_term AS t
         WHERE t.annotation_id = a.id AND t.field = 'genre') AS other_genres,
       (SELECT group_concat(term, '; ') FROM annotation_term AS t
         WHERE t.annotation_id = a.id AND t.field = 'aspect') AS aspects,
       a.vocabulary_version AS vocabulary_version,
       a.origin AS origin,
       a.active_us AS active_us,
       a.created_at AS created_at
  FROM annotation_head AS h
  JOIN annotation AS a ON a.id = h.annotation_id
  JOIN annotator AS p ON p.id = h.annotator_id
 WHERE h.annotator_id <> 'settled'
    OR EXISTS (SELECT 1 FROM settlement_head AS t
                WHERE t.clip_id = h.clip_id AND t.annotation_id = h.annotation_id
                  AND t.state = 'settled');

-- Complete triplets: verified music, settled text, a frame. Exports and training read this.
DROP VIEW IF EXISTS triplets;
CREATE VIEW triplets AS
SELECT c.id AS id,
       c.source_id AS source,
       s.kind AS kind,
       s.locator AS locator,
       s.title AS title,
       s.channel AS channel,
       s.license AS license,
       c.start_us / 1000000.0 AS start_s,
       c.end_us / 1000000.0 AS end_s,
       c.published_split AS published_split,
       m.path AS audio_path,
       m.sha256 AS audio_sha256,
       m.size_bytes AS audio_bytes,
       i.path AS image_path,
       i.sha256 AS image_sha256,
       i.size_bytes AS image_bytes,
       f.position AS frame_position,
       f.time_us / 1000000.0 AS frame_s,
       f.width AS width,
       f.height AS height,
       k.sample_rate_hz AS sample_rate_hz,
       k.channels AS channels,
       k.audio_samples AS audio_samples,
       a.text AS text,
       a.genre AS genre,
       a.tempo AS tempo,
       a.bpm AS bpm,
       a.dissonance AS dissonance,
       a.metre AS metre,
       a.feel AS feel,
       a.relevance AS relevance,
       a.annotator_id AS annotator,
       t.method AS settled_by,
       (SELECT group_concat(term, ',') FROM annotation_term AS w
         WHERE w.annotation_id = a.id AND w.field = 'mood') AS moods,
       (SELECT group_concat(term, ',') FROM annotation_term AS w
         WHERE w.annotation_id = a.id AND w.field = 'voice') AS voices,
       (SELECT group_concat(CASE role WHEN '' THEN term ELSE term || '/' || role END, ',')
          FROM annotation_term AS w
         WHERE w.annotation_id = a.id AND w.field = 'instrument') AS instruments,
       (SELECT group_concat(term, '; ') FROM annotation_term AS w
         WHERE w.annotation_id = a.id AND w.field = 'aspect') AS aspects,
       (SELECT group_concat(value, ',') FROM label AS l
         WHERE l.clip_id = c.id AND l.scheme = 'audioset') AS audioset_labels,
       NOT EXISTS (SELECT 1 FROM pass_exclusion AS x
                    WHERE x.clip_id = c.id
                      AND NOT EXISTS (SELECT 1 FROM pass_undo AS u WHERE u.pass_id = x.pass_id))
           AS included,
       (SELECT value FROM score_head AS v WHERE v.clip_id = c.id AND v.name = 'imsm') AS imsm,
       (SELECT value FROM score_head AS v WHERE v.clip_id = c.id AND v.name = 'clip') AS clip_score,
       (SELECT value FROM score_head AS v WHERE v.clip_id = c.id AND v.name = 'clap') AS clap_score,
       q.loudness_lufs AS loudness_lufs,
       q.tempo_bpm AS tempo_bpm
  FROM settlement_head AS h
  JOIN settlement AS t ON t.id = h.settlement_id
  JOIN clip AS c ON c.id = h.clip_id AND c.state = 'ready'
  JOIN source AS s ON s.id = c.source_id
  JOIN annotation AS a ON a.id = h.annotation_id
  JOIN cut AS k ON k.clip_id = c.id
  JOIN media AS m ON m.clip_id = c.id AND m.role = 'audio' AND m.position = 0
  JOIN frame AS f ON f.clip_id = c.id AND f.position = coalesce(a.frame_position, 0)
  JOIN media AS i ON i.clip_id = c.id AND i.role = 'still' AND i.position = f.position
  LEFT JOIN quality AS q ON q.clip_id = c.id
 WHERE h.state = 'settled' AND a.text IS NOT NULL AND a.text <> '';

DROP VIEW IF EXISTS scores;
CREATE VIEW scores AS
SELECT s.id AS id,
       s.clip_id AS clip,
       s.name AS name,
       s.value AS value,
       s.model AS model,
       s.model_sha256 AS model_sha256,
       s.parameters_json AS parameters_json,
       s.bank_id AS bank,
       s.created_at AS created_at,
       h.score_id IS NOT NULL AS is_current
  FROM score AS s
  LEFT JOIN score_head AS h ON h.score_id = s.id AND h.clip_id = s.clip_id AND h.name = s.name;

DROP VIEW IF EXISTS splits;
CREATE VIEW splits AS
SELECT p.name AS split,
       m.clip_id AS id,
       m.side AS side,
       m.group_key AS group_key,
       m.assigned_at AS assigned_at
  FROM split AS p
  JOIN split_member AS m ON m.split_id = p.id
 WHERE NOT EXISTS (SELECT 1 FROM split_drop AS d
                    WHERE d.split_id = m.split_id AND d.clip_id = m.clip_id);
