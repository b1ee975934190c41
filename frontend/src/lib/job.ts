/** What a job's state means for the page. */

import type { Recipe } from './commands';
import { changesFrom, nearestPreset } from './options';
import type { Change, Job, Options, OptionsDocument, PictureInfo } from './types';

export const isActive = (job: Job) => job.status === 'queued' || job.status === 'running';

/** The address of a picture as it is after this step: it changes when the picture does. */
export function versioned(url: string, version: number | string): string {
  return `${url}${url.includes('?') ? '&' : '?'}v=${version}`;
}

export const thumb = (url: string) => `${url}${url.includes('?') ? '&' : '?'}thumb=1`;

/** The newest picture of a job: the result, the preview, or nothing yet. */
export function newestPicture(job: Job): string | null {
  return job.links.result ?? previewOf(job);
}

/** The newest preview of a job, also of one that has ended. */
export function previewOf(job: Job): string | null {
  const step = job.progress?.preview_step ?? null;
  return job.links.preview && step !== null ? versioned(job.links.preview, `${job.attempt}.${step}`) : null;
}

const SHOWN_FORMATS = ['JPEG', 'PNG', 'WEBP', 'GIF', 'AVIF', 'BMP'];

/** A picture as the browser can show it: of formats that it does not know, the server's thumbnail. */
export function shown(address: string, format: string): string {
  return SHOWN_FORMATS.includes(format.toUpperCase()) ? address : thumb(address);
}

export const photoOf = (job: Job) => shown(job.links.content, job.pictures.content.format);

export function thumbOf(job: Job): string {
  return thumb(newestPicture(job) ?? job.links.content);
}

/** In seconds; null if it never began or does not say. */
export function paintingTime(job: Job): number | null {
  if (!job.started_at || !job.completed_at) return null;
  return (Date.parse(job.completed_at) - Date.parse(job.started_at)) / 1000;
}

/** What was steered, as far as it is known: while it is painted, the latest news. */
export const changesOf = (job: Job): Change[] => (job.result ?? job.progress ?? job).changes;

/** Options that it was painted with; the network is the one that was used. */
export function usedOptions(job: Job): Options {
  return job.result ? { ...job.options, model: job.result.model } : job.options;
}

/** For the command that paints the same picture: with all that was steered, and up to the step where it stopped. */
export function commandOfJob(job: Job, document: OptionsDocument): Recipe {
  const preset = job.preset ?? nearestPreset(document, job.options);
  return {
    ...recipeOfJob(job, document),
    options: changesFrom(document, preset, usedOptions(job)),
    changes: changesOf(job),
    stopAfter: job.result ? job.result.stopped_after : job.stop_after,
  };
}

/** For a job with the same pictures; the job does not say where its masks were. */
export function recipeOfJob(job: Job, document: OptionsDocument): Recipe & { preset: string } {
  const preset = job.preset ?? nearestPreset(document, job.options);
  return {
    content: named(job.pictures.content),
    styles: job.pictures.styles.map(named),
    preset,
    options: changesFrom(document, preset, job.options),
  };
}

const named = ({ name, sample }: Pick<PictureInfo, 'name' | 'sample'>) => ({ name, sample: sample ?? undefined });
