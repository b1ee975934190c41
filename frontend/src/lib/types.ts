/** What the server answers; the contract is its OpenAPI page at /api/docs. */

export type Status = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled';
export type Size = [width: number, height: number];
export type OptionValue = number | string | boolean | number[] | null;
export type Options = Record<string, OptionValue>;

export interface Losses {
  content: number;
  style: number;
  total_variation: number;
  total: number;
}

/** Values that were steered while a picture was painted. */
export interface Change {
  /** First step that went by them. */
  step: number;
  values: Record<string, number>;
}

export interface Progress {
  step: number;
  total_iterations: number;
  /** Frame of a film that is being painted, counted from 1 through all passes; null for a picture. */
  frame?: number | null;
  percent: number;
  elapsed_seconds: number;
  remaining_seconds: number | null;
  losses: Losses | null;
  size: Size;
  in_force: Record<string, number>;
  changes: Change[];
  /** Step of the newest picture that can be seen, of a film the number of its newest frame; 0 is the draft. */
  preview_step: number | null;
}

/** How far the painting is from the photo and the style, as another network sees it; 0 is equal. */
export interface Distances {
  judge: string;
  content: number;
  style: number;
  precision: number;
  coverage: number;
  worst_tenth: number;
  gram: number;
}

export interface Result {
  size: Size;
  /** Painted frames of a film; null for a picture. */
  frames?: number | null;
  steps: number;
  evaluations: number;
  stop_reason: 'total_iterations' | 'converged' | 'canceled';
  model: string;
  device: string;
  precision: string;
  changes: Change[];
  /** Step after which it was stopped; null: it went on to its end. */
  stopped_after: number | null;
  distances: Distances | null;
  /** For example that no face was found to protect. */
  notice: string | null;
  content_type: string;
}

export interface LearnedStyle {
  id: string;
  name: string;
  /** Names of the styles in the file. */
  styles: string[];
  /** Empty if the file states none. */
  licence: string;
  size_bytes: number;
  links: { self: string; file: string; onnx: string };
}

export interface PictureInfo {
  name: string;
  size: Size;
  format: string;
  /** Name of the picture if it comes with nst. */
  sample: string | null;
}

/** A style image; a learned style has no size. */
export type StyleInfo = Omit<PictureInfo, 'size'> & { size: Size | null };

export interface Links {
  self: string;
  events: string;
  result: string | null;
  preview: string | null;
  frames: string;
  archive: string;
  /** Null for a film, as the next one. */
  timelapse: string | null;
  before_after: string | null;
  recipe: string | null;
  content: string;
  styles: string[];
  page: string;
}

export interface Job {
  id: string;
  status: Status;
  title: string;
  /** Set if the content is a film, and so the result. */
  film: { frames: number; seconds: number; passes: number } | null;
  preset: string | null;
  options: Options;
  /** What the order steers, and where it stops: of a recipe that it repeats. */
  changes: Change[];
  stop_after: number | null;
  /** A sentence for each option that was sent and has no effect. */
  notices: string[];
  /** Names of the options that may be steered with an effect. */
  steerable: string[];
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  expires_at: string | null;
  attempt: number;
  cached: boolean;
  place_in_queue: number | null;
  cancel_requested: boolean;
  /** Whether a stopped job can go on from the step at which it stopped. */
  can_resume: boolean;
  progress: Progress | null;
  error: { code: string; message: string } | null;
  result: Result | null;
  pictures: { content: PictureInfo; styles: StyleInfo[]; detail_map: PictureInfo | null; initial: PictureInfo | null };
  links: Links;
}

export interface JobPage {
  jobs: Job[];
  next: string | null;
}

export interface Frame {
  step: number;
  url: string;
}

export interface Share {
  id: string;
  /** Only in the answer that makes the link: the server does not keep it. */
  url: string | null;
  expires_at: string;
}

export interface SharedPicture {
  title: string;
  created_at: string;
  result: Result;
  links: { result: string; content: string };
}

export interface Sample {
  name: string;
  title: string;
  url: string;
  thumb: string;
}

/** Options with the values that satisfy the need, one of which is enough; null: any value above 0. */
export type Need = Record<string, string[] | null>;

/** One property of the JSON schema of the options. */
export interface Property {
  type?: string;
  default?: OptionValue;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  enum?: string[];
  /** Regular expression that a text matches. */
  pattern?: string;
  examples?: string[];
  anyOf?: Property[];
  items?: Property;
  description?: string;
  unit?: string;
}

export interface Limits {
  max_upload_bytes: number;
  max_pixels: number;
  max_styles: number;
  max_jobs_per_client: number;
  max_archive_jobs: number;
  max_job_seconds: number;
  max_pixel_steps_per_day: number;
  /** 0: films are not taken. */
  max_film_frames: number;
  max_film_seconds: number;
  max_film_bytes: number;
  /** 0: learned styles are not taken. */
  max_learned_styles: number;
  max_learned_style_bytes: number;
  max_film_passes: number;
  max_size: number;
}

export interface OptionsDocument {
  schema: { properties: Record<string, Property> };
  presets: Record<string, Options>;
  /** Options without an effect on a film. */
  not_of_films: string[];
  default_preset: string;
  /** What each option needs to have an effect: all of the list. */
  needs: Record<string, Need[]>;
  limits: Limits;
  /** Media types of pictures that are taken. */
  formats: string[];
  /** Media type by the brands of AVIF and HEIC files, taken or not. */
  brands: Record<string, string>;
}

export interface RecipePicture {
  /** File, or sample:NAME for a picture that comes with nst. */
  path: string;
}

export interface RecipeDocument {
  options: Options;
  content: RecipePicture;
  styles: RecipePicture[];
  /** Missing in recipes of nst 0.1. */
  changes?: Change[];
  stopped_after?: number | null;
  preset?: string | null;
  nst: string;
}
