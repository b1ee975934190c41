/** Images and options in the studio. They stay while other pages are open, and after a reload. */

import { errorText, texts } from '../texts';
import { download, getContents, getJob, getOptions, getStyles, newKey, Problem, readRecipe, seeUpright, submitJob } from './api';
import { complain } from './complain';
import { checkPicture, mayCarryRecipe, WrongFile } from './files';
import { checkFilm, isFilm, takesFilms, type FilmFile } from './film';
import { shown } from './job';
import { copyOf, gallery, keyOf } from './gallery.svelte';
import { keepTable, maskOf, recallTable, type Table } from './kept-studio';
import { isTurnedUnseen } from './orientation';
import { isLearned, isLearnedFile, LEARNED_FORMAT, learned, obeyed, pictureOfLearned } from './learned.svelte';
import { listenToLooks, loadLooks, parseLooks, saveLooks, withLook, type Look } from './looks';
import { notices } from './notices.svelte';
import { changesFrom, inForce, nearestPreset, unmetNeed } from './options';
import { formOf, type Mask, type Order, type Picture, type Repeated, type Style } from './submission';
import type {
  Job,
  LearnedStyle,
  Need,
  Options,
  OptionsDocument,
  OptionValue,
  RecipeDocument,
  RecipePicture,
  Sample,
} from './types';
import { variationsOf, type Varied } from './variations';
import { newSeed } from './seed';
import { ordersOf } from './sets';
import { pictureName } from './words';

/** Role of an image; `more` is a further photo that is painted like the first one. */
export type Role = 'content' | 'style' | 'more';

const KEEP_AFTER_MS = 150;

/** Preset that learned styles use. */
const DRAFT = 'draft';

/** Option that jobs and recipes do not set in the studio: the blend belongs to the chosen styles, each with a slider. */
const BLEND = 'style_blend';

let lastId = 0;

class Studio {
  document = $state<OptionsDocument | null>(null);
  styleSamples = $state<Sample[]>([]);
  contentSamples = $state<Sample[]>([]);

  content = $state<Picture | null>(null);
  /** Further photos that are painted like the first one. */
  more = $state<Picture[]>([]);
  styles = $state<Style[]>([]);
  /** Whether each style makes a separate painting. */
  eachAlone = $state(false);
  /** Mask where more of the photo is kept; null: nowhere. */
  detailMap = $state<Mask | null>(null);
  preset = $state('');
  /** Options that override the preset. */
  changes = $state<Options>({});
  /** Steering changes and stop step from a recipe; they are repeated until other settings are taken over. */
  repeated = $state<Repeated | null>(null);
  looks = $state<Look[]>(loadLooks());

  /** Whether a learned style is chosen; it paints in one pass, like a draft, whatever the preset. */
  readonly isLearned = $derived(this.styles.some(({ picture }) => isLearned(picture)));
  readonly #preset = $derived(this.isLearned ? DRAFT : this.preset);
  readonly #changes = $derived(this.isLearned ? obeyed(this.changes) : this.changes);
  readonly options = $derived(this.document ? inForce(this.document, this.#preset, this.#changes) : {});
  readonly isDraft = $derived(this.options['total_iterations'] === 0);
  readonly isFilm = $derived(Boolean(this.content?.film));
  /** Order that is submitted; null without a photo. A draft omits `protect`, which the server would refuse. */
  readonly order = $derived<Order | null>(
    this.content && {
      content: this.isDraft || this.isLearned ? inOnePass(this.content) : this.content,
      styles: this.styles,
      detailMap: this.isDraft || this.isFilm ? null : this.detailMap,
      preset: this.#preset,
      changes: this.isDraft ? without(this.#changes, 'protect') : this.#changes,
      repeated: this.isDraft || this.isFilm ? null : this.repeated,
    },
  );
  /** Orders that are submitted: several if there are several photos, or a separate painting for each style. */
  readonly orders = $derived<Order[]>(
    this.order ? ordersOf(this.order, this.isFilm ? [] : this.more, this.eachAlone && !this.isFilm && this.styles.length > 1) : [],
  );
  readonly changeCount = $derived(
    this.document ? Object.keys(changesFrom(this.document, this.preset, this.changes)).length : 0,
  );
  /** Changes that have no effect, each with its unmet need; null: the option does not apply to films. */
  readonly ignored = $derived(
    Object.keys(this.changes).flatMap((name) => {
      const need = this.unmetNeed(name);
      const isOfPictures = this.isFilm && this.document?.not_of_films.includes(name);
      return need || isOfPictures ? [{ name, need }] : [];
    }),
  );
  readonly missing = $derived<'content' | 'style' | null>(!this.content ? 'content' : this.styles.length === 0 ? 'style' : null);
  readonly isFull = $derived(this.isLearned || this.styles.length >= (this.document?.limits.max_styles ?? 1));

  /** Number of the last choice of an image. A file that takes long to read may arrive after a newer choice. */
  #turn = 0;
  /** Number of the choice that the photo comes from. */
  #contentTurn = 0;
  /** Idempotency keys by order. All are kept until all orders of a submission are accepted, so that repeating it creates no job twice. */
  readonly #keys = new Map<string, string>();
  /** First seed of variations, kept as long as the keys: with another seed they would be other orders. */
  #seed = newSeed();
  /** Only restore of the stored table: a second one would replace what was chosen since the first. */
  #recalled: Promise<void> | undefined;

  constructor() {
    listenToLooks(() => (this.looks = loadLooks()));
  }

  /** Loads what the server offers, and what this browser has stored. Raises Problem. */
  async load(): Promise<void> {
    const [document, styles, contents] = await Promise.all([getOptions(), getStyles(), getContents(), learned.load()]);
    this.styleSamples = styles;
    this.contentSamples = contents;
    this.preset ||= document.default_preset;
    await (this.#recalled ??= this.#recall(document));
    this.document = document;
  }

  /** Restores what this browser has stored, and from then on stores every change. */
  async #recall(document: OptionsDocument): Promise<void> {
    const [table] = await Promise.all([recallTable(), gallery.load()]);
    if (table) await this.#restore(table, document);
    $effect.root(() => {
      this.#keep();
    });
  }

  /** Stores every change after a short delay. */
  #keep(): void {
    $effect(() => {
      const { content, more, styles, eachAlone, detailMap, preset, changes, repeated } = this;
      const table = plain({ content, more, styles, eachAlone, detailMap, preset, changes, repeated });
      const timer = setTimeout(() => void keepTable(table), KEEP_AFTER_MS);
      return () => {
        clearTimeout(timer);
      };
    });
  }

  /** Restores a stored table; what this server no longer has is omitted. */
  async #restore(table: Table, document: OptionsDocument): Promise<void> {
    const preset = table.preset in document.presets ? table.preset : document.default_preset;
    this.preset = preset;
    this.changes = changesFrom(document, preset, table.changes);
    this.eachAlone = table.eachAlone;
    this.repeated = table.repeated;
    const hasContent = table.content !== null && (await this.#isThere(table.content, this.contentSamples));
    this.more = table.more;
    this.content = hasContent ? table.content : (this.more.shift() ?? null);
    // The masks were painted on the first photo.
    this.detailMap = hasContent ? table.detailMap : null;
    for (const style of table.styles) {
      if (!(await this.#isThere(style.picture, this.styleSamples))) continue;
      this.styles.push({ ...style, id: ++lastId, mask: hasContent ? style.mask : null });
    }
  }

  async #isThere({ source }: Picture, samples: Sample[]): Promise<boolean> {
    if (source.kind === 'sample') return samples.some(({ name }) => name === source.name);
    if (source.kind === 'file') return true;
    if (source.kind === 'learned') return learned.all.some(({ id }) => id === source.id);
    const gone = (error: unknown) => error instanceof Problem && error.status === 404;
    return getJob(source.id).then(
      () => true,
      (error: unknown) => !gone(error),
    );
  }

  set(name: string, value: OptionValue): void {
    if (!this.document) return;
    this.changes = changesFrom(this.document, this.preset, { ...this.changes, [name]: value });
  }

  /** Resets an option to the value of the preset. */
  unset(name: string): void {
    this.changes = without(this.changes, name);
  }

  /** Returns the first unmet need of an option; null if the option has an effect. */
  unmetNeed(name: string): Need | null {
    return this.document && unmetNeed(this.document, this.options, name);
  }

  /** Returns whether the server knows this option and the option has an effect now. */
  hasEffect(name: string): boolean {
    return name in (this.document?.schema.properties ?? {}) && this.unmetNeed(name) === null;
  }

  choosePreset(preset: string): void {
    this.preset = preset;
    if (this.document) this.changes = changesFrom(this.document, preset, this.changes);
  }

  resetOptions(): void {
    this.changes = {};
  }

  /** Takes over options from a job, a recipe or a look; options that this server does not know are omitted. */
  useOptions(options: Options, preset: string | null): void {
    const document = this.document;
    if (!document) return;
    this.repeated = null;
    const known = preset !== null && preset in document.presets;
    this.preset = known ? preset : nearestPreset(document, options);
    this.changes = changesFrom(document, this.preset, options);
  }

  /** Places files by their role; a notice explains why a file cannot be used. */
  async addFiles(files: File[], role: Role | null): Promise<void> {
    for (const [index, file] of files.entries()) {
      try {
        await this.#addFile(file, role === 'content' && index > 0 && this.content ? 'more' : role);
      } catch (error) {
        if (error instanceof WrongFile) notices.say(error.message, { bad: true });
        else if (error instanceof DOMException) notices.say(texts.wrongFile.unreadable(file.name), { bad: true });
        else complain(error);
      }
    }
  }

  async #addFile(file: File, role: Role | null): Promise<void> {
    if (!this.document) return;
    const turn = ++this.#turn;
    if (/\.json$/i.test(file.name)) {
      if (!(await this.#useRecipe(file))) this.#importLooks(await file.text(), file.name);
      return;
    }
    if (isLearnedFile(file)) {
      await this.addLearned(file);
      return;
    }
    if (role !== 'style' && role !== 'more' && takesFilms(this.document) && (await isFilm(file, this.document))) {
      const facts = await checkFilm(file, this.document);
      // A film becomes the content, whatever the content was before.
      if (!this.#isLate(turn)) this.setContent(filmOf(file, facts), turn);
      return;
    }
    const { format, size } = await checkPicture(file, this.document);
    if (role === null && (await this.#useRecipe(file))) return;
    const isUnseen = size === null || (await isTurnedUnseen(file, format));
    const upright = isUnseen ? await notices.during(texts.studio.reading(file.name), seeUpright(file)).catch(() => null) : null;
    if (role === 'content' && this.#isLate(turn)) return;
    const shown = upright?.picture ?? (size && file);
    this.place(
      {
        source: { kind: 'file', file, ...(upright && { seen: upright.picture }) },
        name: file.name,
        url: shown && URL.createObjectURL(shown),
        size: upright?.size ?? size,
        format,
        bytes: file.size,
      },
      role,
      turn,
    );
  }

  /** Returns whether another photo was chosen after this turn. */
  #isLate(turn: number): boolean {
    return this.content !== null && turn < this.#contentTurn;
  }

  /** Uploads the file of a learned style and chooses this style. Raises Problem. */
  async addLearned(file: File): Promise<void> {
    this.placeLearned(await learned.add(file));
  }

  /** Chooses a learned style, which replaces all other styles. */
  placeLearned(style: LearnedStyle): void {
    if (!this.hasLearned(style.id)) this.place(pictureOfLearned(style), 'style');
  }

  hasLearned(id: string): boolean {
    return this.styles.some(({ picture }) => picture.source.kind === 'learned' && picture.source.id === id);
  }

  /** Deletes a learned style on the server; jobs that use it have a copy. Raises Problem. */
  async forgetLearned(id: string): Promise<void> {
    await learned.remove(id);
    this.styles = this.styles.filter(({ picture }) => picture.source.kind !== 'learned' || picture.source.id !== id);
  }

  /** Replaces the photo by its cropped or rotated version. */
  cutContent(file: File): void {
    const format = file.type === 'image/png' ? 'PNG' : 'JPEG';
    this.setContent({
      source: { kind: 'file', file },
      name: file.name,
      url: URL.createObjectURL(file),
      size: null,
      format,
      bytes: file.size,
    });
  }

  /** Places an image; without a photo, a further photo or an image of unknown role becomes the photo. */
  place(picture: Picture, asked: Role | null, turn = ++this.#turn): void {
    const role = this.content || asked === 'style' ? (asked ?? 'style') : 'content';
    if (role === 'style' && (isLearned(picture) || this.isLearned)) {
      for (const style of [...this.styles]) this.removeStyle(style.id);
    }
    if (role === 'more') {
      this.more.push(picture);
      notices.spoken = texts.studio.contentSet(pictureName(picture));
    } else if (role === 'content') {
      this.setContent(picture, turn);
    } else if (this.isFull) {
      notices.say(texts.studio.tooManyStyles(this.document?.limits.max_styles ?? 1), { bad: true });
    } else {
      this.styles.push({ id: ++lastId, picture, blend: 50, mask: null });
      gallery.add(picture);
      notices.spoken = texts.studio.styleAdded(pictureName(picture));
    }
  }

  setContent(picture: Picture | null, turn = ++this.#turn): void {
    release(this.content);
    this.content = picture;
    this.#contentTurn = turn;
    // The masks were painted on the previous photo.
    for (const style of this.styles) this.setMask(style, null);
    this.setDetailMap(null);
    if (picture) notices.spoken = texts.studio.contentSet(pictureName(picture));
  }

  /** Removes the photo; the next photo takes its place. */
  removeContent(): void {
    this.setContent(this.more.shift() ?? null);
  }

  removeMore(index: number): void {
    release(this.more[index] ?? null);
    this.more = this.more.toSpliced(index, 1);
  }

  setPasses(passes: number): void {
    if (this.content?.film) this.content.film.passes = passes;
  }

  setMask(style: Style, file: Blob | null): void {
    style.mask = replaced(style.mask, file);
  }

  setDetailMap(file: Blob | null): void {
    this.detailMap = replaced(this.detailMap, file);
  }

  removeStyle(id: number): void {
    release(this.styles.find((style) => style.id === id)?.picture ?? null);
    this.styles = this.styles.filter((style) => style.id !== id);
  }

  placeSample(sample: Sample, role: Role): void {
    this.place(
      {
        source: { kind: 'sample', name: sample.name, address: sample.url },
        name: sample.title,
        url: sample.url,
        size: null,
        format: null,
        bytes: null,
      },
      role,
    );
  }

  replaceStyles(sample: Sample): void {
    for (const style of [...this.styles]) this.removeStyle(style.id);
    this.placeSample(sample, 'style');
  }

  /** Chooses this sample alone. A chosen sample stays: somebody who comes back and chooses it again wants it. */
  chooseSample(sample: Sample, role: Role): void {
    if (this.isChosen(sample, role)) return;
    if (role === 'style') this.replaceStyles(sample);
    else this.placeSample(sample, role);
  }

  /** Chooses an upload that this browser keeps, alone or beside the other styles. */
  placeOwn(key: string, beside: boolean): void {
    const picture = gallery.find(key);
    if (!picture || (!beside && this.hasOwn(key))) return;
    if (!beside) for (const style of [...this.styles]) this.removeStyle(style.id);
    this.place(copyOf(picture), 'style');
  }

  hasOwn(key: string): boolean {
    return this.styles.some(({ picture }) => picture.source.kind === 'file' && keyOf(picture) === key);
  }

  /** Moves a style to the position `to` of another style. */
  moveStyle(id: number, to: number): void {
    const style = this.styles.find((one) => one.id === id);
    if (!style || to < 0 || to >= this.styles.length) return;
    this.styles = this.styles.filter((one) => one !== style).toSpliced(to, 0, style);
  }

  isChosen(sample: Sample, role: Role): boolean {
    const chosen = role === 'content' ? [this.content] : this.styles.map((style) => style.picture);
    return chosen.some((picture) => isSample(picture, sample));
  }

  /** Loads the images and options of this job, without its masks. */
  remix(job: Job): void {
    this.#endSet();
    this.setContent(pictureOfJob(job, null));
    for (const style of this.styles) release(style.picture);
    this.styles = job.pictures.styles.map((_, index) => ({
      id: ++lastId,
      picture: pictureOfJob(job, index),
      blend: blendOf(job, index),
      mask: null,
    }));
    this.useOptions(without(job.options, BLEND), job.preset);
    const { masks, detail_map } = job.pictures;
    notices.say(texts.studio.remixing(job.title, detail_map !== null || masks.some(Boolean)));
  }

  /** Leaves one photo, painted in all styles together: what is loaded next is a single painting. */
  #endSet(): void {
    this.more.forEach(release);
    this.more = [];
    this.eachAlone = false;
  }

  async #useRecipe(file: File): Promise<boolean> {
    if (!(await mayCarryRecipe(file))) return false;
    const recipe = await readRecipe(file).catch(() => null);
    if (!recipe) return false;
    this.useOptions(without(recipe.options, BLEND), recipe.preset ?? null);
    const { changes = [], stopped_after: stopAfter = null } = recipe;
    this.repeated = changes.length > 0 || stopAfter ? { changes, stopAfter } : null;
    const isComplete = this.#placeSamplesOf(recipe);
    notices.say(isComplete ? texts.studio.recipeComplete(file.name) : texts.studio.recipeFound(file.name));
    return true;
  }

  /** Places the images of a recipe if all of them come with nst, and returns whether they do. */
  #placeSamplesOf(recipe: RecipeDocument): boolean {
    const content = sampleOf(recipe.content, this.contentSamples);
    const styles = recipe.styles.flatMap((style) => sampleOf(style, this.styleSamples) ?? []);
    if (!content || styles.length < recipe.styles.length) return false;
    this.#endSet();
    for (const style of [...this.styles]) this.removeStyle(style.id);
    this.placeSample(content, 'content');
    for (const style of styles) this.placeSample(style, 'style');
    return true;
  }

  keepLook(name: string): void {
    this.#saveLooks(withLook(loadLooks(), { name, preset: this.preset, options: { ...this.changes } }));
  }

  dropLook(name: string): void {
    this.#saveLooks(loadLooks().filter((look) => look.name !== name));
  }

  useLook(look: Look): void {
    if (!this.document) return;
    this.useOptions(inForce(this.document, look.preset, look.options), look.preset);
  }

  #importLooks(text: string, name: string): void {
    const looks = parseLooks(text);
    if (!looks) throw new WrongFile(texts.wrongFile.look(name));
    this.#saveLooks(looks.reduce(withLook, loadLooks()));
    for (const look of looks) this.useLook(look);
    notices.say(texts.studio.lookImported(looks.map((look) => look.name).join(', ')));
  }

  #saveLooks(looks: Look[]): void {
    this.looks = looks;
    saveLooks(looks);
  }

  /** Submits the order. Raises Problem. */
  async start(onUpload: (share: number) => void, signal: AbortSignal): Promise<Job> {
    if (!this.order) throw new TypeError('no content picture');
    return (await this.#startAll([this.order], onUpload, signal))[0] as Job;
  }

  /** Submits four orders that differ in one option and returns their jobs in the same order. Raises Problem. */
  async startFour(varied: Varied, onUpload: (share: number) => void, signal: AbortSignal): Promise<Job[]> {
    if (!this.order) throw new TypeError('no content picture');
    const orders = variationsOf(this.order, varied, this.#seed);
    const jobs = await this.#startAll(orders, onUpload, signal);
    if (jobs.length === orders.length) this.#seed = newSeed();
    return jobs;
  }

  /** Submits all orders of the set and returns their jobs in the same order. Raises Problem. */
  async startSet(onUpload: (share: number) => void, signal: AbortSignal): Promise<Job[]> {
    return this.#startAll(this.orders, onUpload, signal);
  }

  /** Submits orders until one fails or the signal stops them; a notice then says why there are no more. Raises Problem if the first fails. */
  async #startAll(orders: Order[], onUpload: (share: number) => void, signal: AbortSignal): Promise<Job[]> {
    const jobs: Job[] = [];
    for (const [index, order] of orders.entries()) {
      const upload = (share: number) => {
        onUpload((index + share) / orders.length);
      };
      try {
        jobs.push(await submitOrder(order, this.#keyOf(order), upload, signal));
      } catch (error) {
        if (jobs.length === 0) throw error;
        notices.say(whyShort(Problem.from(error), jobs.length, orders.length), { bad: true });
        return jobs;
      }
    }
    for (const order of orders) this.#keys.delete(JSON.stringify(order));
    return jobs;
  }

  #keyOf(order: Order): string {
    const name = JSON.stringify(order);
    const key = this.#keys.get(name) ?? newKey();
    this.#keys.set(name, key);
    return key;
  }
}

/** Reduces a film to one pass: drafts do not continue one another, so a second pass would paint the same. */
const inOnePass = ({ film, ...content }: Picture): Picture => (film ? { ...content, film: { ...film, passes: 1 } } : content);

async function submitOrder(order: Order, key: string, onUpload: (share: number) => void, signal: AbortSignal): Promise<Job> {
  const form = await formOf(order, (path) => download(path, signal));
  return submitJob(form, key, onUpload, signal);
}

/** Returns why only `taken` of `all` orders of a set were submitted. */
function whyShort({ code, message }: Problem, taken: number, all: number): string {
  if (code === 'upload_stopped') return texts.studio.setIsStopped(taken, all);
  return texts.studio.setIsShort(taken, all, message ? texts.common.serverSays(message) : errorText(code).what);
}

function without(options: Options, name: string): Options {
  return Object.fromEntries(Object.entries(options).filter(([other]) => other !== name));
}

function replaced(mask: Mask | null, file: Blob | null): Mask | null {
  if (mask) URL.revokeObjectURL(mask.url);
  return maskOf(file);
}

/** Copies a table without Svelte's proxies, which IndexedDB cannot store; files stay as they are. */
function plain(table: Table): Table {
  const picture = ({ source, ...facts }: Picture): Picture => ({ ...$state.snapshot(facts), source: { ...source } });
  return {
    ...table,
    content: table.content && picture(table.content),
    more: table.more.map(picture),
    styles: table.styles.map((style) => ({ ...style, picture: picture(style.picture), mask: style.mask && { ...style.mask } })),
    detailMap: table.detailMap && { ...table.detailMap },
    changes: $state.snapshot(table.changes),
    repeated: $state.snapshot(table.repeated),
  };
}

function sampleOf({ path }: RecipePicture, samples: Sample[]): Sample | null {
  return samples.find((sample) => path === `sample:${sample.name}`) ?? null;
}

function filmOf(file: File, { size, seconds, frames }: FilmFile): Picture {
  return {
    source: { kind: 'file', file },
    name: file.name,
    url: size && URL.createObjectURL(file),
    size,
    format: texts.film.format(seconds),
    bytes: file.size,
    film: { seconds, frames, passes: 1 },
  };
}

function isSample(picture: Picture | null, sample: Sample): boolean {
  return picture?.source.kind === 'sample' && picture.source.name === sample.name;
}

function release(picture: Picture | null): void {
  if (picture?.source.kind === 'file' && picture.url) URL.revokeObjectURL(picture.url);
}

function pictureOfJob(job: Job, index: number | null): Picture {
  const info = index === null ? job.pictures.content : job.pictures.styles[index];
  const address = (index === null ? job.links.content : job.links.styles[index]) ?? '';
  return {
    source: { kind: 'job', id: job.id, index, count: job.pictures.styles.length, address },
    name: info?.name ?? '',
    url: info?.format === LEARNED_FORMAT ? null : shown(address, info?.format ?? ''),
    size: info?.size ?? null,
    format: info?.format ?? null,
    bytes: null,
    film: index === null && job.film ? { ...job.film } : null,
  };
}

function blendOf(job: Job, index: number): number {
  const blend = job.options['style_blend'];
  const share = Array.isArray(blend) ? blend[index] : undefined;
  return share === undefined ? 50 : Math.round(share * 100);
}

export const studio = new Studio();
