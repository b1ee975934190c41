/** Test fixtures: a job and an options document as the server returns them, and a fake EventSource. */

import type { Job, OptionsDocument } from './types';

/** Timeout of a test that waits for a condition, in milliseconds; only a defect takes this long. */
export const PATIENCE = { timeout: 300_000 };

export const DOCUMENT: OptionsDocument = {
  schema: {
    properties: {
      size: { type: 'integer', default: 512, minimum: 32, maximum: 16_000, description: 'Longest side.', unit: 'pixels', group: 'picture' },
      content_weight: { type: 'number', default: 1e5, minimum: 0, description: 'Keeps the content.', group: 'balance' },
      strength: { type: 'number', default: 0.5, minimum: 0, maximum: 1 },
      flourish: { type: 'number', default: 0, minimum: 0, maximum: 1 },
      style_loss: { enum: ['gram', 'neighbors'], type: 'string', default: 'gram' },
      learning_rate: { type: 'number', default: 1, exclusiveMinimum: 0 },
      convergence_tolerance: { type: 'number', default: 0.005, minimum: 0, exclusiveMaximum: 1 },
      protect: { enum: ['none', 'faces', 'person'], type: 'string', default: 'none' },
      color: { enum: ['style', 'match', 'luminance'], type: 'string', default: 'style' },
      style_layers: {
        type: 'string',
        default: 'classic',
        pattern: '^(classic|dense|relu\\d_\\d(=\\d+)?(,relu\\d_\\d(=\\d+)?)*)$',
        examples: ['classic', 'dense', 'relu1_1=2,relu4_1'],
      },
      total_iterations: { type: 'integer', default: 20_000, minimum: 0, maximum: 1_000_000 },
      average: { type: 'boolean', default: false },
      style_blend: { anyOf: [{ type: 'array', items: { type: 'number' } }, { type: 'null' }], default: null },
      brand_new: { anyOf: [{ type: 'number', minimum: 0 }, { type: 'null' }], default: null },
    },
  },
  presets: {
    quality: { size: 512, content_weight: 1.4e5, total_iterations: 180, style_loss: 'neighbors', flourish: 0.5 },
    gram: { size: 512, content_weight: 1.8e5, total_iterations: 180 },
    draft: { size: 512, total_iterations: 0 },
    classic: {},
  },
  default_preset: 'quality',
  not_of_films: ['bit_depth', 'save_every'],
  needs: {
    strength: [{ total_iterations: null }],
    flourish: [{ total_iterations: null }, { style_loss: ['neighbors'] }],
    color: [{ total_iterations: null }],
  },
  learning_schema: {},
  limits: { max_upload_bytes: 1_000_000, max_pixels: 50_000_000, max_styles: 2, max_size: 2048, max_jobs_per_client: 20, max_archive_jobs: 100, max_job_seconds: 86400, max_pixel_steps_per_day: 2e11, max_film_frames: 100, max_film_seconds: 10, max_film_bytes: 500_000, max_film_passes: 9, max_learned_styles: 20, max_learned_style_bytes: 1_000_000, max_learning_minutes: 60, max_learning_photos: 100 },
  formats: ['image/jpeg', 'image/png', 'image/webp', 'image/tiff', 'image/avif'],
  brands: { avif: 'image/avif', avis: 'image/avif', heic: 'image/heic', hevc: 'image/heic' },
};

export function job(changes: Partial<Job> = {}): Job {
  const base = '/api/v1/jobs/1';
  return {
    id: '1',
    status: 'running',
    title: 'cat in impasto',
    film: null,
    learning: null,
    preset: 'quality',
    options: { size: 512, content_weight: 1.4e5, strength: 0.7, color: 'style', total_iterations: 180 },
    changes: [],
    stop_after: null,
    notices: [],
    steerable: ['content_weight', 'strength', 'flourish'],
    created_at: '2026-11-22T18:00:00Z',
    started_at: '2026-11-22T18:00:10Z',
    completed_at: null,
    expires_at: null,
    attempt: 1,
    cached: false,
    place_in_queue: null,
    cancel_requested: false,
    can_resume: false,
    progress: null,
    error: null,
    result: null,
    pictures: {
      content: { name: 'cat.jpg', size: [600, 400], format: 'JPEG', sample: null },
      styles: [{ name: 'impasto.jpg', size: [1024, 768], format: 'JPEG', sample: null }],
      masks: [],
      detail_map: null,
      initial: null,
    },
    links: {
      self: base,
      events: `${base}/events`,
      result: null,
      preview: null,
      frames: `${base}/frames`,
      archive: `${base}/archive`,
      timelapse: `${base}/timelapse`,
      before_after: `${base}/before-after`,
      recipe: `${base}/recipe`,
      content: `${base}/content`,
      styles: [`${base}/styles/0`],
      learned_style: null,
      page: '/jobs/1',
    },
    ...changes,
  };
}

/** Fake EventSource that the test controls. */
export class Stream extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: Stream[] = [];

  readyState = Stream.CONNECTING;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    Stream.all.push(this);
  }

  static get last(): Stream {
    return Stream.all.at(-1) as Stream;
  }

  open(): void {
    this.readyState = Stream.OPEN;
    this.onopen?.();
  }

  fail(state: number): void {
    this.readyState = state;
    this.onerror?.();
  }

  send(name: string, data: Job): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }

  close(): void {
    this.readyState = Stream.CLOSED;
  }
}
