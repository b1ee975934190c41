/** Every sentence of the page in English, in one place. A translation, such as texts.de.ts, has the same keys. */

import { allOf, duration, eitherOf, fileSize, hundredths, percent, pixelSize, plainNumber } from './lib/format';
import type { Place } from './lib/film';
import type { Size } from './lib/types';

const many = (count: number, one: string, several: string) => (count === 1 ? `1 ${one}` : `${count} ${several}`);

/** Paintings of a set, and how many of them the server takes now. */
export interface Room {
  count: number;
  room: number;
  unfinished: number;
  most: number;
}

export interface ErrorText {
  /** What happened. */
  what: string;
  /** What to do now. */
  todo: string;
}

/** One for every code of src/nst/errors.py, of the API, and of the page itself; a test compares them. */
const englishErrors = {
  error: {
    what: 'Something went wrong.',
    todo: 'Try again. If it happens again, tell the person who runs this server.',
  },
  invalid_option: {
    what: 'A setting has a value that is not possible.',
    todo: 'Change the setting that is named here, in the studio.',
  },
  invalid_image: {
    what: 'A picture cannot be used.',
    todo: 'Choose another picture, or save this one as JPEG or PNG first.',
  },
  unsupported_image: {
    what: 'A file is not a picture of a kind that can be read here.',
    todo: 'Save it as JPEG or PNG and choose it again.',
  },
  invalid_checkpoint: {
    what: 'The painting could not go on from where it was interrupted.',
    todo: 'Try again: it starts from the beginning.',
  },
  too_many_styles: {
    what: 'You have reached the maximum number of learned styles.',
    todo: 'Delete one of them and try again.',
  },
  too_many_shares: {
    what: 'This picture has the maximum number of links.',
    todo: 'Revoke one of them and try again.',
  },
  invalid_style_file: {
    what: 'The file of a learned style cannot be used.',
    todo: 'Copy the file again, or learn the style again.',
  },
  too_large: {
    what: 'The pictures are too large to be sent.',
    todo: 'Send fewer or smaller pictures, or cut the film shorter.',
  },
  transfer_failed: {
    what: 'The painting could not be finished.',
    todo: 'Try again. If it fails again, use another preset.',
  },
  out_of_memory: {
    what: 'The picture does not fit into the memory of this machine.',
    todo: 'Paint it with less detail: open it in the studio and move Detail to the left.',
  },
  diverged: {
    what: 'The painting lost its way: the numbers became too large to go on.',
    todo: 'Open it in the studio and bring the weights closer to those of a preset.',
  },
  weights_unavailable: {
    what: 'The network that this setting asks for is not on the server.',
    todo: 'Open it in the studio and choose the network VGG-16, which is always there.',
  },
  draft_unavailable: {
    what: 'The network that paints drafts is not on the server.',
    todo: 'Choose another preset than Draft.',
  },
  network_unavailable: {
    what: 'The network that finds faces and people is not on the server.',
    todo: 'Set Protect to Nothing, or paint the area yourself.',
  },
  canceled: {
    what: 'The painting was stopped.',
    todo: 'The picture so far is kept. Try again to paint it to the end.',
  },
  dependency_failed: {
    what: 'A part of the server does not answer.',
    todo: 'Wait a minute and try again.',
  },
  storage_failed: {
    what: 'The store of pictures does not answer.',
    todo: 'Wait a minute and try again.',
  },
  storage_full: {
    what: 'The server has no space left.',
    todo: 'Delete some of your pictures, or try again later.',
  },
  disk_full: {
    what: 'The machine that paints has no space left.',
    todo: 'Wait a minute. The painting goes on by itself.',
  },
  queue_failed: {
    what: 'The queue of the server does not answer.',
    todo: 'Wait a minute and try again. Nothing is painted twice.',
  },
  repository_failed: {
    what: 'The list of pictures does not answer.',
    todo: 'Wait a minute and try again. Your pictures are not lost.',
  },
  feed_failed: {
    what: 'Live progress is not available at the moment.',
    todo: 'The painting goes on. Open this page again later.',
  },
  video_unavailable: {
    what: 'The server cannot make films of this kind.',
    todo: 'Download the time-lapse as WebP, or paint a picture instead of a film.',
  },
  unreadable_job: {
    what: 'This version of the server cannot read the order.',
    todo: 'Open the picture in the studio and send it again.',
  },
  pictures_gone: {
    what: 'The uploaded pictures are not on the server any more.',
    todo: 'Send them again from the studio.',
  },
  time_limit: {
    what: 'The painting took longer than this server allows.',
    todo: 'The picture so far is kept. Try again with fewer steps or a smaller size.',
  },
  lease_lost: {
    what: 'The painting was given to another machine.',
    todo: 'It goes on there. Load the page again.',
  },
  engine_crashed: {
    what: 'The program that paints broke down, several times.',
    todo: 'Try again with less detail: open it in the studio and move Detail to the left.',
  },
  job_not_found: {
    what: 'This picture is not here, or not any more.',
    todo: 'Pictures are removed after a while. Paint it again in the studio.',
  },
  style_not_found: {
    what: 'This learned style is not on the server, or not any more.',
    todo: 'Upload its file again under My styles.',
  },
  job_conflict: {
    what: 'That is not possible in the state this picture is in.',
    todo: 'Look at its page again: it may be finished already.',
  },
  not_allowed: {
    what: 'The server took this request for one from another site, and refused it.',
    todo: 'Load the page again. If this happens again, tell the person who runs the server: its proxy must pass on the header Host.',
  },
  too_many_requests: {
    what: 'You sent more than this server takes from one person.',
    todo: 'Wait until some of your pictures are finished, then try again.',
  },
  queue_full: {
    what: 'Too many pictures are waiting already.',
    todo: 'Try again in a few minutes.',
  },
  server_busy: {
    what: 'The server has its hands full.',
    todo: 'Try again in a few seconds.',
  },
  bad_request: {
    what: 'The server did not understand the page.',
    todo: 'Load the page again: it may be older than the server.',
  },
  not_found: {
    what: 'This address does not exist.',
    todo: 'Check the link, or start from the home page.',
  },
  method_not_allowed: {
    what: 'The server does not do that.',
    todo: 'Load the page again: it may be older than the server.',
  },
  internal_error: {
    what: 'The server made a mistake.',
    todo: 'Try again. If it happens again, tell the person who runs it.',
  },
  offline: {
    what: 'The server cannot be reached.',
    todo: 'Check your connection. Nothing is lost: what is being painted goes on.',
  },
  cookies_blocked: {
    what: 'Your browser blocks cookies for this site, so nothing was sent.',
    todo: 'Allow cookies for this site in the settings of your browser, then load the page again.',
  },
  upload_stopped: {
    what: 'The upload was stopped.',
    todo: 'Start again when you like.',
  },
  page_failed: {
    what: 'The page made a mistake.',
    todo: 'Load it again. Your pictures are safe on the server.',
  },
};

const english = {
  name: 'nst',
  title: (page: string) => (page ? `${page} – nst` : 'nst – your photo, painted'),

  nav: {
    label: 'Main',
    home: 'nst, home page',
    studio: 'Studio',
    history: 'My pictures',
    about: 'How it works',
    skip: 'Skip to the content',
    theme: { system: 'Colours: as the system', light: 'Colours: light', dark: 'Colours: dark' },
    shortcuts: 'Keyboard shortcuts',
    api: 'API',
  },

  footer: {
    privacy: 'Your pictures stay on the server you see in the address bar. Nothing goes anywhere else.',
    language: 'Language',
  },

  common: {
    close: 'Close',
    cancel: 'Cancel',
    retry: 'Try again',
    reload: 'Load the page again',
    copy: 'Copy',
    copied: 'Copied.',
    notCopied: 'The browser does not let the page copy. Select the text and copy it yourself.',
    loading: 'One moment …',
    justNow: 'just now',
    /** A sentence of the server, which knows English only. */
    serverSays: (sentence: string) => sentence,
    start: 'Paint a photo',
    original: 'Photo',
    painted: 'Painting',
    compare: 'Compare photo and painting',
    dismiss: 'Dismiss this message',
    noCookies:
      'Your browser blocks cookies for this site. Allow them, then load the page again: without them nobody, not even you, can find your pictures.',
    offline: 'You are offline. What is being painted goes on; this page catches up when the connection is back.',
    missing: { title: 'Page not found', text: 'This address does not exist. The link may be old, or mistyped.' },
    home: 'Go to the home page',
  },

  home: {
    page: '',
    eyebrow: 'Neural style transfer',
    title: 'Your photo, painted.',
    lead: 'Choose a photo. Choose a painting. Watch yours being painted in its style, stroke by stroke.',
    promise: 'No account. Your pictures stay on this server and are deleted after a while.',
    heroBefore: 'Photograph of a cat',
    heroAfter: 'The same cat, painted in thick swirling strokes',
    heroTitle: 'Chelsea the cat',
    heroDetail: 'photograph and painting, in the style of Impasto',
    steps: {
      title: 'Three steps',
      list: [
        { title: 'A photo', text: 'Drop it, paste it, take it with your phone – or borrow one of ours.' },
        { title: 'A style', text: 'Any picture will do: a painting, a pattern, a drawing. Or several, blended.' },
        { title: 'A painting', text: 'The first draft is there within seconds and grows finer while you watch.' },
      ],
    },
    gallery: {
      title: 'From the wall',
      lead: 'Painted by this program, with its own sample pictures. Take one as your starting point.',
      try: 'Paint it yourself',
      tryLabel: (content: string, style: string) => `Paint it yourself: ${content} in the style of ${style}`,
      alt: (content: string, style: string) => `${content}, painted in the style of ${style}`,
    },
    how: {
      title: 'No filter. A painting.',
      text: 'A network that learned to recognise things compares every step with your photo and with the style, until the picture shows what the photo shows in the style of the other picture.',
      link: 'How it works',
    },
  },

  studio: {
    page: 'Studio',
    title: 'Studio',
    failed: 'The studio cannot open.',
    content: {
      step: '1',
      title: 'Photo',
      drop: 'Drop a photo here',
      hint: 'or paste it, or choose one',
      alt: (name: string) => `Your photo: ${name}`,
      samples: 'Or borrow one of these photos',
      detail: 'Keep more',
      detailLabel: 'Keep more of the photo: paint where',
      detailed: 'more of the photo is kept here',
      saveDetail: 'Save the area to keep as a picture',
      protect: 'Protect',
      notInDrafts: 'A draft does not protect anything. Choose another preset.',
    },
    style: {
      step: '2',
      title: 'Style',
      drop: 'Drop a painting here',
      hint: 'any picture whose style you like',
      alt: (name: string) => `Style: ${name}`,
      samples: 'Or take one of these styles',
      search: 'Search the styles',
      own: 'Your styles, kept in this browser',
      noneFound: (query: string) => `No style is called “${query}”.`,
      move: (name: string, step: -1 | 1) => `Move ${name} ${step < 0 ? 'forward' : 'back'}`,
      add: 'Add another style',
      blend: (name: string) => `Part of ${name}`,
      share: (share: number) => percent(share * 100),
      mask: 'Paint only part…',
      maskLabel: (name: string) => `Paint only part… of the photo in the style of ${name}`,
      masked: 'in part of the picture',
      saveMask: (name: string) => `Save the area of ${name} as a picture`,
      maskNeedsContent: 'Choose a photo first: the area is painted on it.',
    },
    choose: { content: 'Choose a photo', style: 'Choose a style' },
    camera: 'Take a photo',
    removeLabel: (name: string) => `Remove ${name}`,
    sampleLabel: (title: string) => `Use ${title}`,
    favourite: (title: string) => `Favourite: ${title}`,
    forgetStyle: (title: string) => `Delete ${title} from your styles`,
    sampleAdd: (title: string) => `Add ${title} to the styles`,
    enlarged: (size: Size, longest: number) =>
      `This photo has only ${pixelSize(size)} pixels. It is enlarged to ${longest} pixels, so fine detail is missing.`,
    noPreview: (format: string) => `${format} – browsers do not show this format, but it will be painted.`,
    facts: (size: Size | null, format: string | null, bytes: number | null) =>
      [size && pixelSize(size), format, bytes !== null && fileSize(bytes)].filter(Boolean).join(' · '),
    live: {
      label: 'Live draft',
      tag: 'Draft',
      alt: 'Draft of your photo in the chosen style',
      painting: 'Painting a draft …',
      note: 'A draft in about a second, after each change of photo, style or colours. With little Strength the photo shows through; Flourish shows in the painting.',
      failed: 'There is no draft at the moment. Start painting as usual.',
    },
    dropAnywhere: 'Drop pictures anywhere. A finished painting brings its settings back.',
    how: {
      step: '3',
      title: 'Look',
    },
    presets: {
      label: 'Preset',
      names: {
        draft: { title: 'Draft', text: 'A first impression, within a second' },
        fast: { title: 'Quick', text: 'As Best, in half the steps, with less flourish' },
        quality: { title: 'Best', text: 'Each place painted like the place of the style that resembles it' },
        gram: { title: 'Classic Gram matrices', text: 'Forms of the style may appear anywhere' },
        classic: { title: 'Original', text: 'The method of 2016, with all its steps' },
      } as Record<string, { title: string; text: string }>,
    },
    sliders: {
      strength: { label: 'Strength', least: 'A hint of brushwork', most: 'Style at its strongest' },
      flourish: { label: 'Flourish', least: 'Calm', most: 'Wild' },
      size: { label: 'Detail', value: (size: number) => `${size} pixels` },
      style_scale: { label: 'Brush', least: 'Fine', most: 'Broad', value: (scale: number) => `× ${plainNumber(scale)}` },
      color: {
        label: 'Colours',
        amount: 'How much of the photo’s colours',
      },
    },
    expert: {
      title: 'All settings',
      lead: 'Every option of the program. The presets and sliders set these, too.',
      changed: 'Changed',
      reset: 'Back to the preset',
      resetCount: (count: number) => `Undo ${many(count, 'change', 'changes')}`,
      resetOne: (label: string) => `Set ${label} back to the preset`,
      notAllowed: (allowed: string) => `Give ${allowed}.`,
      groups: {
        picture: 'Picture',
        balance: 'Balance',
        method: 'Method',
        end: 'When to stop',
        other: 'More',
      },
      on: 'On',
      off: 'Off',
    },
    noEffect: {
      draft: (label: string) => `${label} has no effect on a draft or with a learned style.`,
      needs: (label: string, needs: string[]) => `${label} has no effect: it needs ${eitherOf(needs)}.`,
      need: (label: string, values: string[] | null) => `${label} ${values ? eitherOf(values) : 'above 0'}`,
    },
    allowed: {
      whole: 'a whole number',
      number: 'a number',
      list: 'numbers with commas between them',
      choices: (choices: string[]) => `one of ${choices.join(', ')}`,
      like: (examples: string[]) => `a value like ${examples.join(' or ')}`,
      least: (value: number, above: boolean) => `${above ? 'more than' : 'at least'} ${plainNumber(value)}`,
      most: (value: number, below: boolean) => `${below ? 'less than' : 'at most'} ${plainNumber(value)}`,
    },
    looks: {
      title: 'My looks',
      lead: 'Keep these settings under a name, in this browser. A saved file can be dropped here again, or sent to a friend.',
      name: 'Name of the look',
      keep: 'Keep',
      open: 'Open a saved look',
      use: (name: string) => `Use the look ${name}`,
      drop: (name: string) => `Delete the look ${name}`,
      file: (name: string) => `Save the look ${name} as a file`,
    },
    commands: 'The same as a command',
    start: 'Start painting',
    startKeys: 'Ctrl + Enter',
    startSet: (count: number) => `Start ${many(count, 'painting', 'paintings')}`,
    tooManyPaintings: (count: number, most: number) =>
      `${count} paintings are too many for one set; ${most} are the most. Remove photos or styles.`,
    setIsStopped: (taken: number, all: number) => `You stopped after ${taken} of ${all} paintings; these have been started.`,
    setIsShort: (taken: number, all: number, why: string) =>
      `${taken} of ${all} paintings have been started. The server takes no more now: ${why}`,
    more: {
      label: 'More photos, painted the same way',
      add: 'Add more photos',
      eachAlone: 'One painting for each style',
      queue: ({ count, room, unfinished, most }: Room) =>
        [
          `This server takes ${most} unfinished paintings of one person${unfinished > 0 ? `, and ${unfinished} of yours ${unfinished === 1 ? 'is' : 'are'} not finished` : ''}.`,
          room > 0
            ? `Start takes the first ${room} of these ${count}; start the others when those are finished.`
            : 'Wait until some are finished, or remove some from the queue under My pictures.',
        ].join(' '),
      masks: 'Areas that were drawn stay with the first photo.',
    },
    four: { label: 'Or paint', strength: 'four strengths', seed: 'four seeds' },
    uploading: (share: number) => `Sending the pictures … ${percent(share * 100)}`,
    preparing: 'Preparing …',
    upload: 'Progress of the upload',
    stopUpload: 'Stop',
    sent: 'The pictures have been sent.',
    openSent: 'Open their page',
    notSent: 'The upload failed.',
    missing: { content: 'Choose a photo first.', style: 'Choose a style first.' },
    reading: (name: string) => `Reading ${name} …`,
    contentSet: (name: string) => `Photo: ${name}`,
    styleAdded: (name: string) => `Style: ${name}`,
    tooManyStyles: (most: number) => `${most} styles are the most that can be blended. Remove one first.`,
    remixing: (title: string, hasAreas: boolean) =>
      `Pictures and settings of “${title}” are loaded${hasAreas ? ', without the areas marked for its styles or its detail' : ''}.`,
    recipeFound: (name: string) => `${name} was painted here: its settings are back. Now choose the pictures.`,
    recipeComplete: (name: string) => `${name} was painted here: its settings and pictures are back.`,
    repeats: (changes: string[], stopAfter: number | null) =>
      `As in the recipe: ${[...changes, stopAfter && `stops after step ${stopAfter}`].filter(Boolean).join(', ')}.`,
    steeredAt: (label: string, value: number, step: number) => `${label} ${value} from step ${step}`,
    forgetRepeat: 'Do not repeat this',
    estimate: (time: string) => `Takes ${time} on this server.`,
    estimateOfSet: (time: string, count: number) => `${count} paintings take ${time} on this server.`,
    lookImported: (names: string) => `Looks imported: ${names}`,
  },

  detail: {
    title: 'Keep more of the photo here',
    lead: 'Paint over what should stay recognisable. The style is weaker in the coloured area.',
    none: 'Protect no area',
  },

  crop: {
    title: 'Crop and turn',
    lead: 'Drag the corners, or move them with the arrow keys. What lies outside is not painted.',
    noAreas: 'The painted areas are removed.',
    open: 'Crop and turn the photo',
    short: 'Crop',
    corner: { lefttop: 'Upper left corner', righttop: 'Upper right corner', leftbottom: 'Lower left corner', rightbottom: 'Lower right corner' } as Record<string, string>,
    left: 'Turn left',
    right: 'Turn right',
    whole: 'Whole photo',
    done: 'Use this part',
    failed: 'The browser cannot open this photo.',
  },

  mask: {
    title: (name: string) => `Where is ${name} applied?`,
    lead: 'Paint over the part of the photo that takes this style. It is shown in colour.',
    canvas: 'Photo to paint on. Arrow keys move the brush, Space paints.',
    paint: 'Paint',
    erase: 'Erase',
    size: 'Size of the brush',
    softness: 'Softness of its edge',
    all: 'Everything',
    none: 'Nothing',
    invert: 'Invert',
    undo: 'Undo',
    done: 'Use this area',
    everywhere: 'Apply everywhere',
    tool: 'Tool',
  },

  job: {
    page: 'Painting',
    loading: 'Fetching the picture …',
    gone: {
      title: 'This picture is not here any more',
      text: 'It was deleted, or its time was up – or it belongs to another browser.',
    },
    status: {
      queued: 'Waiting',
      running: 'Painting',
      succeeded: 'Finished',
      failed: 'Failed',
      canceled: 'Stopped',
    },
    next: 'Next in line.',
    place: (place: number) => `Number ${place} in line.`,
    waitingLong: (waited: number) =>
      `Waiting for ${duration(waited)} already. You may close this page: it will be painted all the same, and you find it under My pictures.`,
    starting: 'Getting ready …',
    canceling: 'Stopping after this step …',
    attempt: (attempt: number) => `The machine was interrupted; attempt ${attempt} goes on from where it was.`,
    step: (step: number, total: number) => `Step ${step} of ${total}`,
    elapsed: 'Elapsed',
    remaining: 'Remaining',
    painting: 'Being painted at',
    progress: 'Progress of the painting',
    draft: 'First draft',
    alt: {
      content: (title: string) => `The photo of ${title}`,
      live: (title: string, step: number) => `${title}, as it is after step ${step}`,
      draft: (title: string) => `First draft of ${title}`,
      result: (title: string) => `Finished painting: ${title}`,
      partial: (title: string) => `What was painted of ${title}`,
      frame: (step: number) => `The painting after step ${step}`,
    },
    connection: {
      reconnecting: 'The connection is lost. Trying again; the painting goes on.',
    },
    stop: 'Stop and keep the picture',
    cancelQueued: 'Remove from queue',
    started: 'The new painting has been started.',
    openStarted: 'Open its page',
    sameAgain: 'With these settings every painting is the same. Change something, then start.',
    stopDialog: {
      title: 'Stop painting?',
      text: 'The picture as it is now is kept.',
      yes: 'Stop',
      no: 'Keep painting',
    },
    notify: 'Tell me when it is done',
    notifyOn: 'You will be told when it is done.',
    notifyRefused: 'The browser does not allow notifications for this page.',
    notification: {
      succeeded: 'Your painting is finished',
      failed: 'Your painting failed',
      canceled: 'Your painting was stopped',
      queued: '',
      running: '',
    },
    tabTitle: (share: number, title: string) => `${percent(share)} · ${title}`,
    tabWaiting: (title: string) => `Waiting · ${title}`,
    losses: {
      title: 'Progress over time',
      lead: 'Distance of the painting from photo and style after each step. Lower is closer.',
      axes: { step: 'Step', loss: 'Distance (logarithmic)' },
      content: 'Photo',
      style: 'Style',
      total: 'Together',
      summary: (first: string, last: string, step: number) =>
        `Progress over time up to step ${step}: distance from photo and style together fell from ${first} to ${last}.`,
      empty: 'The curve begins with the first step.',
    },
    steer: {
      title: 'Steer',
      lead: 'Move a slider: the painting follows from the next step on.',
      labels: {
        strength: 'Strength',
        flourish: 'Flourish',
        content_weight: 'Keep the photo',
        style_weight: 'Use the style',
        tv_weight: 'Smooth away noise',
        color_amount: 'Colours of the photo',
      } as Record<string, string>,
      pending: 'from the next step',
    },
    view: {
      label: 'View',
      picture: 'Picture',
      compare: 'Compare',
      frames: 'Frames',
      hold: 'Hold for photo',
      holdKey: 'Key: O',
      zoom: 'Look closer',
      draft: 'Draft – the painting replaces it soon',
      frame: (step: number) => `Step ${step}`,
      scrub: 'Go through the painting step by step',
      noFrames: 'No frames were kept. The setting “Keep a frame every” keeps one every so many steps.',
    },
    zoom: {
      title: 'Look closer',
      in: 'Larger',
      out: 'Smaller',
      fit: 'Whole picture',
      scale: (share: number) => percent(share * 100),
      area: 'Picture, enlarged. Scroll or drag to move it.',
    },
    done: {
      cached: 'Painted before',
      cachedNote: 'The same pictures and settings were painted before, so the result was there at once.',
      facts: (steps: number, seconds: number | null) =>
        [many(steps, 'step', 'steps'), seconds !== null && duration(seconds)].filter(Boolean).join(' in '),
      draft: 'Painted in one pass',
      converged: 'It stopped by itself: the picture hardly changed any more.',
      notice: (notice: string) => `Nothing was protected: ${notice}.`,
      partial: 'Stopped by you: this is the picture so far.',
      nothing: 'It was stopped before the first step, so there is no picture.',
      distances: (content: number, style: number, worstTenth: number) =>
        `Distance from the photo ${hundredths(content)}, from the style ${hundredths(style)} (worst tenth ${hundredths(worstTenth)}).`,
      distancesNote: (judge: string) =>
        `Measured by ${judge}, which did not paint it. 0 is equal. The worst tenth are the places least like the style.`,
      kept: (until: string) => `Kept here until ${until}.`,
    },
    actions: {
      download: 'Download',
      more: 'More downloads',
      formats: { png: 'Painting (PNG)', jpeg: 'Painting (JPEG)', webp: 'Painting (WebP)' },
      archive: 'All pictures (ZIP)',
      timelapse: 'Time-lapse (WebP)',
      timelapseMp4: 'Time-lapse (MP4)',
      beforeAfter: 'Before and after (JPEG)',
      recipe: 'Recipe (JSON)',
      share: 'Share',
      commands: 'As a command',
      resume: 'Keep painting',
      larger: 'Larger',
      largerTitle: (size: number) => `Continue from this result at ${size} pixels, twice its size`,
      retry: 'Try again',
      again: 'Paint again',
      remix: 'Change and repaint',
      delete: 'Delete',
    },
    facts: {
      title: 'Made with',
      preset: 'Preset',
      model: 'Network',
      size: 'Size',
      device: 'Computed on',
      painted: 'Painted',
      stopped: 'Stopped',
      afterStep: (step: number) => `after step ${step}`,
      steered: (step: number, value: number) => `from step ${step}: ${value}`,
      content: 'Photo',
      style: 'Style',
      options: 'All settings of this picture',
    },
    share: {
      title: 'Share this picture',
      lead: 'Whoever has the link sees the photo and the painting, nothing else. You can revoke the link at any time.',
      days: 'Valid for',
      daysChoice: (days: number) => many(days, 'day', 'days'),
      make: 'Make a link',
      link: 'Link',
      until: (date: string) => `until ${date}`,
      takeBack: 'Revoke',
      takeBackLabel: (date: string) => `Revoke the link that is valid until ${date}`,
      takenBack: 'The link does not work any more.',
      none: 'There is no link yet.',
      hidden: 'This link was shown when it was made. Make another one if you lost it.',
      send: 'Send the picture to an app',
      sendAgain: 'The picture is ready. Tap the button again to send it.',
      notSent: 'The picture was not handed over. Download it and send it from there.',
    },
    commands: {
      title: 'The same as a command',
      lead: 'In the folder with the pictures.',
      curl: 'API (curl)',
      cli: 'Command line',
      copy: (name: string) => `Copy: ${name}`,
    },
    delete: {
      title: 'Delete this picture?',
      text: 'The painting, its frames and its share links are removed. That cannot be undone.',
      running: 'It is still being painted: it is stopped first.',
      yes: 'Delete',
      done: 'Deleted.',
    },
  },

  film: {
    hint: 'or paste it, or choose one. A short film works, too',
    note: 'Every frame of this film is painted. There is no live draft of a film.',
    enlarged: (size: Size, longest: number) =>
      `This film has only ${pixelSize(size)} pixels. It is enlarged to ${longest} pixels, so fine detail is missing.`,
    format: (seconds: number | null) => (seconds === null ? 'film' : `film, ${plainNumber(Math.round(10 * seconds) / 10)} s`),
    noPreview: 'The browser cannot play this film, but the server may be able to paint it.',
    noMask: 'A film is painted everywhere in all of its styles.',
    original: 'Film',
    draft: 'First draft',
    frame: (frame: number) => `Frame ${frame}`,
    progress: ({ pass, frame }: Place, { frames, passes }: { frames: number; passes: number }) =>
      [passes > 1 && `Pass ${pass} of ${passes}`, `Frame ${frame} of ${frames}`].filter(Boolean).join(' · '),
    passes: 'Passes',
    passesHelp: 'Each pass paints the whole film once more, backward and forward in turn. What still flickers evens out.',
    passesNotInDrafts: 'A draft and a learned style have one pass.',
    estimate: (time: string, frames: number) => `Takes ${time} on this server for ${many(frames, 'frame', 'frames')}.`,
    noEffect: (label: string) => `${label} has no effect on a film.`,
    done: (frames: number, seconds: number | null) =>
      [many(frames, 'frame', 'frames'), seconds !== null && duration(seconds)].filter(Boolean).join(' in '),
    notice: (notice: string) => `${notice.charAt(0).toUpperCase()}${notice.slice(1)}.`,
    partial: 'Stopped by you: these are the frames so far.',
    stopText: 'The frames that are painted are kept as a film.',
    alt: {
      content: (title: string) => `Film: ${title}`,
      draft: (title: string) => `First draft of ${title}`,
      frame: (title: string, frame: number) => `${title}, frame ${frame} as it was painted`,
      result: (title: string) => `Painted film: ${title}`,
    },
  },

  live: {
    page: 'Live',
    title: 'Your camera, painted live',
    lead: 'Painted by your own browser with one of your learned styles. No frame leaves this page.',
    noStyle: 'You have no learned style yet. Upload one in the studio, under My styles.',
    noCamera: 'There is no camera that this page may use. Connect one and allow it in the browser; away from localhost, cameras need HTTPS.',
    style: 'Style',
    start: 'Start the camera',
    stop: 'Stop the camera',
    starting: 'One moment …',
    failed: 'The camera cannot be painted.',
    alt: 'The camera, painted',
    rate: (perSecond: number) => `${plainNumber(Math.round(10 * perSecond) / 10)} frames per second`,
  },

  learned: {
    camera: 'Paint your camera live',
    title: 'My styles, learned with nst learn',
    upload: 'Upload a learned style',
    failed: 'That did not work.',
    use: (name: string) => `Use ${name}`,
    rename: (name: string) => `Rename ${name}`,
    delete: (name: string) => `Delete ${name}`,
    name: 'Name',
    save: 'Save',
    facts: ({ styles, licence, size_bytes }: { styles: string[]; licence: string; size_bytes: number }) =>
      [allOf(styles), fileSize(size_bytes), licence].filter(Boolean).join(' · '),
    card: 'A learned style paints the photo in one pass, whatever preset is chosen.',
    noMask: 'A learned style paints everywhere.',
    confirm: {
      title: (name: string) => `Delete ${name}?`,
      text: 'Its file is deleted from the server. Pictures that were painted with it stay, and can be painted again.',
      yes: 'Delete',
    },
  },

  /** A job that learns a style. */
  learning: {
    open: 'Learn a style',
    title: 'Learn a style',
    lead: 'A small network learns the style of a picture once, and then paints any photo at once. It appears under My styles.',
    styles: 'Pictures whose style is learned',
    sample: 'Or a sample',
    noSample: 'None',
    photos: 'Photos to learn from',
    photosHelp: (most: number, bytes: number) =>
      `Up to ${most}, with the pictures above up to ${fileSize(bytes)}. Without any, the sample photos of nst are used; more photos make the style better.`,
    minutes: 'Minutes',
    minutesHelp: (most: number) => `1 to ${most}. Meanwhile this server may paint less.`,
    steady: 'For films: what is painted flickers less',
    start: 'Start learning',
    sending: 'Sending the pictures …',
    failed: 'Learning has not started.',
    running: 'Learning',
    step: (step: number) => `Step ${step}`,
    parts: 'Parts of photos',
    stop: 'Stop and keep the style',
    stopDialog: {
      title: 'Stop learning?',
      text: 'What has been learned so far becomes a style under My styles.',
      no: 'Keep learning',
    },
    done: (steps: number, seconds: number | null) =>
      [many(steps, 'step', 'steps'), seconds !== null && duration(seconds)].filter(Boolean).join(' in '),
    partial: 'Stopped by you: this is the style so far.',
    paint: 'Paint with it',
    resume: 'Keep learning',
    photosFact: 'Photos',
    ownPhotos: 'sample photos of nst',
    waiting: 'The first preview comes after the first step.',
    alt: (title: string) => `Three photos, and how they are painted: ${title}`,
    notification: {
      succeeded: 'Your style is learned',
      failed: 'Learning your style failed',
      canceled: 'Learning was stopped',
      queued: '',
      running: '',
    },
  },

  /** Several paintings side by side. */
  jobs: {
    bar: 'Progress of all paintings',
    progress: (over: number, all: number) => `${over} of ${all} finished`,
    archive: (count: number) => `Download ${many(count, 'painting', 'paintings')} (ZIP)`,
  },

  set: {
    title: 'Set',
    lead: 'Several photos, painted one after the other with the same settings. You may close this page: they all appear under My pictures, too.',
  },

  variations: {
    title: 'Variations',
    lead: 'The same photo and style, painted four times. Open the one you like, or change something and start again.',
    alt: (caption: string) => `Painting with ${caption}`,
    open: (caption: string) => `Open the painting with ${caption}`,
    back: 'Back to the studio',
  },

  history: {
    page: 'My pictures',
    title: 'My pictures',
    filter: 'Show',
    all: 'All',
    empty: {
      title: 'The wall is still bare',
      text: 'What you paint hangs here, also after you close the browser.',
    },
    emptyFilter: (state: string) => `Nothing here is “${state}”.`,
    more: 'Show older pictures',
    alt: (title: string) => `${title}`,
    again: 'Paint again',
    remix: 'Change and repaint',
    delete: 'Delete',
    cancel: 'Stop',
    label: (action: string, title: string) => `${action}: ${title}`,
    cancelAll: 'Stop all that wait',
    canceledAll: (count: number) => `${many(count, 'picture', 'pictures')} stopped.`,
    clear: 'Clear finished',
    clearDialog: {
      title: 'Delete everything that is finished?',
      text: 'Finished, failed and stopped pictures are removed, with their share links. That cannot be undone.',
      yes: 'Delete all',
    },
    cleared: (count: number) => `${many(count, 'picture', 'pictures')} deleted.`,
    privacy: 'Only this browser sees this list.',
  },

  shared: {
    page: 'Shared picture',
    title: 'A painting',
    alt: { content: 'The photo', result: 'The painting', film: 'The painted film' },
    eyebrow: 'Shared with you',
    painted: (when: string) => `Painted ${when}`,
    download: 'Download',
    gone: {
      title: 'This link does not work any more',
      text: 'Its time is up, or the person who shared it revoked it.',
    },
    own: 'Paint your own photo',
  },

  about: {
    page: 'How it works',
    title: 'How a photo becomes a painting',
    lead: 'There is no filter and no library of brush strokes. There are three pictures, a network that looks at them, and the question how to change one of them.',
    content: {
      title: 'What is in the picture',
      text: [
        'A network that was trained to recognise a thousand kinds of things (VGG, by Karen Simonyan and Andrew Zisserman) turns a picture into layers of features: edges first, then textures, then parts of things.',
        'Two pictures show the same when their features deep in the network are the same, even if every pixel differs. This distance is the content loss.',
      ],
    },
    style: {
      title: 'What its style is',
      text: [
        'Style is not where something is, but what goes together: with this blue come swirls, beside this yellow lie short strokes. For each layer the network has hundreds of such detectors, and a Gram matrix says for each pair how often both respond at the same place – wherever that place is.',
        'Two pictures have the same style when their Gram matrices are equal. This distance is the style loss.',
        'The preset Best compares places instead: for each place of the photo it finds the place of the style that looks most like it, and paints the one like the other. The picture stays legible, and Flourish says how freely the large forms of the style appear where the photo is empty.',
      ],
      gram: 'Gram matrices of two styles, one layer of VGG-16: each small square says how strongly two of the network’s detectors go together. Every style has its own pattern.',
    },
    paint: {
      title: 'Then it is painted',
      text: [
        'The pixels themselves are the unknowns. The program starts from your photo, asks how each pixel would have to change for both distances to shrink, changes all of them a little (L-BFGS, a method that learns from its own steps), and asks again.',
        'Nothing is invented that is not in the two pictures, and every step can be seen.',
      ],
    },
    weights: {
      title: 'What the settings do',
      strength: { title: 'Strength', text: 'How the two distances are weighed against each other. 0: the photo with a hint of brushwork; 1: the style at its strongest.' },
      brush: { title: 'Brush', text: 'The network sees a window of fixed size. Make the style picture smaller and its strokes become finer.' },
      color: { title: 'Colours', text: 'Those of the style; the style’s after they were moved near the photo’s; or the photo’s own, with only light and dark painted.' },
      smooth: { title: 'Smoothness', text: 'The total variation weight smooths away noise between neighbouring pixels.' },
      size: { title: 'Detail', text: 'The longest side of the result. A coarse picture is painted first and takes the large forms; a fine one adds the detail.' },
    },
    captions: {
      photo: 'Photo',
      style: 'Style',
      painting: 'Painting',
      steps: (step: number) => (step === 0 ? 'Draft' : `Step ${step}`),
      strength: (value: number) => `Strength ${value}`,
      brush: (value: number) => `Brush × ${value}`,
      color: { style: 'The style’s', match: 'Matched', luminance: 'The photo’s' } as Record<string, string>,
      gram: (style: string) => `Gram matrix of ${style}`,
    },
    sources: {
      title: 'Who found it',
      text: 'Leon Gatys, Alexander Ecker and Matthias Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016. Matching places: Nicholas Kolkin and others, Neural Neighbor Style Transfer, 2022. The draft comes from a network by Golnaz Ghiasi and others, BMVC 2017.',
    },
    start: 'Try it',
  },

  shortcuts: {
    title: 'Keyboard shortcuts',
    list: [
      { keys: ['Ctrl', 'Enter'], text: 'Start painting (studio)' },
      { keys: ['Ctrl', 'V'], text: 'Paste a picture (studio)' },
      { keys: ['O'], text: 'Hold to see the photo (picture)' },
      { keys: ['C'], text: 'Compare photo and painting (picture)' },
      { keys: ['Z'], text: 'Look closer (picture)' },
      { keys: ['Esc'], text: 'Stop painting; close a window' },
      { keys: ['?'], text: 'This list' },
    ],
  },

  options: {
    labels: {
      size: 'Size',
      content_weight: 'Content weight',
      style_weight: 'Style weight',
      strength: 'Strength',
      flourish: 'Flourish',
      style_scale: 'Style scale',
      protect: 'Protect',
      color: 'Colours',
      color_amount: 'Amount of colour',
      tv_weight: 'Total variation weight',
      optimizer: 'Optimizer',
      model: 'Network',
      style_layers: 'Style layers',
      content_layers: 'Content layers',
      pooling: 'Pooling',
      init_method: 'Start from',
      total_iterations: 'Steps at most',
      scales: 'Scales',
      average: 'Averaging',
      style_loss: 'Style loss',
      style_blend: 'Shares of the styles',
      padding: 'Border of the features',
      learning_rate: 'Learning rate',
      convergence_tolerance: 'Convergence tolerance',
      convergence_window: 'Convergence window',
      save_every: 'Keep a frame every',
      bit_depth: 'Bits per channel',
      seed: 'Seed',
    } as Record<string, string>,
    /** Values as people read them; the same words as on the buttons. */
    values: {
      color: { style: 'Style’s', match: 'Matched', luminance: 'Photo’s' },
      protect: { none: 'Nothing', faces: 'Faces', person: 'People' },
      optimizer: { lbfgs: 'L-BFGS', adam: 'Adam' },
      model: { vgg16: 'VGG-16', vgg19: 'VGG-19' },
      pooling: { max: 'Maximum', average: 'Average' },
      init_method: { content: 'Photo', random: 'Noise', style: 'Style', draft: 'Draft' },
      style_loss: { gram: 'Gram matrices', wasserstein: 'Wasserstein distance', neighbors: 'Nearest neighbours' },
      padding: { zeros: 'Zeros', replicate: 'Repeated border' },
      bit_depth: { 8: '8', 16: '16' },
      device: { cpu: 'CPU', cuda: 'GPU (CUDA)', mps: 'GPU (Apple)' },
      precision: { fp32: 'float32', bf16: 'bfloat16', fp16: 'float16' },
    } as Record<string, Record<string, string>>,
    /** What an option does, where the page has other words for it than the server. */
    help: {} as Record<string, string>,
    units: {} as Record<string, string>,
  },

  samples: {
    /** By the file's name, where the page has another title than the server. */
    titles: {} as Record<string, string>,
    /** What the pictures of the home page are called there. */
    gallery: {
      cat: 'Chelsea the cat',
      rocket: 'Falcon 9',
      coffee: 'Espresso',
      astronaut: 'Eileen Collins',
      impasto: 'Impasto',
      woodcut_waves: 'Woodcut waves',
      stained_glass: 'Stained glass',
      watercolour: 'Watercolour',
      mosaic: 'Mosaic',
      cubist: 'Cubist',
      orphism: 'Orphism',
      pointillism: 'Pointillism',
    } as Record<string, string>,
  },

  wrongFile: {
    empty: (name: string) => `${name} is empty. Choose another file.`,
    format: (name: string, format: string, allowed: string[]) => {
      const kinds: Record<string, string> = {
        HEIC: 'is a HEIC photo. On the iPhone choose “Most Compatible” under Settings, Camera, Formats, or save it as JPEG',
        SVG: 'is a vector drawing. Save it as PNG first',
        PDF: 'is a PDF document. Save the page as a picture first',
        ZIP: 'is a ZIP archive or a document. Take the picture out of it',
        video: 'is a film. Choose a single picture',
        text: 'is a text, not a picture',
        unknown: 'is not a picture that can be read here',
      };
      return `${name} ${kinds[format] ?? `is a ${format} picture, which is not taken here`}. Supported formats: ${allOf(allowed)}.`;
    },
    bytes: (name: string, bytes: number, most: number) =>
      `${name} has ${fileSize(bytes)}; ${fileSize(most)} are the most. Save it smaller and choose it again.`,
    pixels: (name: string, size: Size, most: number) =>
      `${name} has ${pixelSize(size)} pixels; ${Math.round(most / 1e6)} megapixels are the most. Make it smaller and choose it again.`,
    filmBytes: (name: string, bytes: number, most: number) =>
      `${name} has ${fileSize(bytes)}; ${fileSize(most)} are the most for a film. Cut it shorter and choose it again.`,
    filmSeconds: (name: string, seconds: number, most: number) =>
      `${name} is ${plainNumber(Math.round(seconds))} s long; ${plainNumber(most)} s are the most. Cut it shorter and choose it again.`,
    song: (name: string) => `${name} has sound and no picture. Choose a film or a photo.`,
    unreadable: (name: string) => `${name} cannot be opened; it may have been moved or changed. Choose it again.`,
    damaged: (name: string) => `${name} cannot be read; it may be damaged. Open it in another program and save it again.`,
    look: (name: string) => `${name} does not hold a look that was saved here.`,
  },
};

export type Texts = typeof english;
export type Errors = Record<keyof typeof englishErrors, ErrorText>;

/** All that the page says in one language. */
export interface Words {
  texts: Texts;
  errors: Errors;
}

export const ENGLISH: Words = { texts: english, errors: englishErrors };

/** The texts in the language of the page. Read them when they are shown: they change with the language. */
export let texts = english;
let errors: Record<string, ErrorText> = englishErrors;

export function speak(words: Words): void {
  ({ texts, errors } = words);
}

/** What happened and what to do; an unknown code is an error like others. */
export function errorText(code: string): ErrorText {
  return errors[code] ?? (errors['error'] as ErrorText);
}
