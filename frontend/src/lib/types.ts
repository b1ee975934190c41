/**
 * Types of the server's responses, under the names that the page uses. openapi.ts is generated from the description of
 * the API; this file adds only what that description leaves open.
 */

import type { Change, JobView, OptionsView, ProgressView } from './openapi';

export type {
  Change,
  FrameView as Frame,
  JobStatus as Status,
  JobsView as JobPage,
  JobView as Job,
  LearnedStyleView as LearnedStyle,
  LimitsView as Limits,
  PictureView as PictureInfo,
  ProgressView as Progress,
  ResultView as Result,
  SampleView as Sample,
  SharedView as SharedPicture,
  ShareView as Share,
  StyleView as StyleInfo,
} from './openapi';

export type Options = JobView['options'];
export type OptionValue = Options[string];
export type Losses = NonNullable<ProgressView['losses']>;
export type Size = ProgressView['size'];

/** Options with the values that meet the need; one match is enough. null stands for any value above 0. */
export type Need = NonNullable<OptionsView['needs'][string]>[number];

/** One property of the JSON schema of the options. */
export interface Property {
  type?: string;
  default?: OptionValue;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  enum?: string[];
  /** Regular expression that a text must match. */
  pattern?: string;
  examples?: string[];
  anyOf?: Property[];
  items?: Property;
  description?: string;
  unit?: string;
  group?: string;
}

export interface OptionsDocument extends OptionsView {
  schema: { properties: Record<string, Property> };
}

export interface RecipePicture {
  /** Path of a file, or sample:NAME for an image that comes with nst. */
  path: string;
}

export interface RecipeDocument {
  options: Options;
  content: RecipePicture;
  styles: RecipePicture[];
  /** Steering changes; missing in recipes of nst 0.1. */
  changes?: Change[];
  stopped_after?: number | null;
  preset?: string | null;
  nst: string;
}
