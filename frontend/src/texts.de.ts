/** The German texts; loaded only when the page speaks German. */

import { allOf, duration, eitherOf, fileSize, hundredths, percent, pixelSize, plainNumber } from './lib/format';
import type { Errors, Texts } from './texts';

const many = (number: number, one: string, several: string) => (number === 1 ? `1 ${one}` : `${number} ${several}`);

/** The server writes "about 40 s", "at most 9 min", "about 2.5 h", or "about 3 days". */
const germanTime = (time: string) =>
  time.replace('about', 'etwa').replace('at most', 'höchstens').replace('days', 'Tage').replace('.', ',');

export const errors: Errors = {
  error: {
    what: 'Etwas ist schiefgegangen.',
    todo: 'Noch einmal versuchen. Wenn es wieder geschieht, die Person benachrichtigen, die diesen Server betreibt.',
  },
  invalid_option: {
    what: 'Eine Einstellung hat einen ungültigen Wert.',
    todo: 'Ins Atelier zurückgehen und die hier genannte Einstellung ändern.',
  },
  invalid_image: {
    what: 'Ein Bild lässt sich nicht verwenden.',
    todo: 'Ein anderes Bild auswählen oder dieses zuerst als JPEG oder PNG speichern.',
  },
  unsupported_image: {
    what: 'Eine Datei hat kein Bildformat, das hier gelesen werden kann.',
    todo: 'Die Datei als JPEG oder PNG speichern und erneut auswählen.',
  },
  invalid_checkpoint: {
    what: 'Das Gemälde konnte nach der Unterbrechung nicht fortgesetzt werden.',
    todo: 'Noch einmal versuchen: Das Malen beginnt dann von vorn.',
  },
  invalid_style_file: {
    what: 'Die Datei eines gelernten Stils lässt sich nicht verwenden.',
    todo: 'Die Datei erneut kopieren oder den Stil noch einmal lernen.',
  },
  too_large: {
    what: 'Die Bilder sind zum Senden zu groß.',
    todo: 'Das Foto verkleinern oder den Film kürzen und erneut auswählen.',
  },
  transfer_failed: {
    what: 'Das Gemälde konnte nicht fertiggestellt werden.',
    todo: 'Noch einmal versuchen. Wenn es wieder fehlschlägt, eine andere Voreinstellung verwenden.',
  },
  out_of_memory: {
    what: 'Das Bild passt nicht in den Speicher dieses Rechners.',
    todo: 'Mit weniger Details malen: das Bild im Atelier öffnen und den Regler „Details“ nach links schieben.',
  },
  diverged: {
    what: 'Das Malen ist entgleist: Die Zahlen wurden zu groß, um weiterzurechnen.',
    todo: 'Das Bild im Atelier öffnen und die Gewichte näher an die einer Voreinstellung bringen.',
  },
  weights_unavailable: {
    what: 'Das Netz, das diese Einstellung verlangt, ist nicht auf dem Server.',
    todo: 'Das Bild im Atelier öffnen und das Netz VGG-16 auswählen, das immer vorhanden ist.',
  },
  draft_unavailable: {
    what: 'Das Netz, das Entwürfe malt, ist nicht auf dem Server.',
    todo: 'Eine andere Voreinstellung als „Entwurf“ auswählen.',
  },
  network_unavailable: {
    what: 'Das Netz, das Gesichter und Personen findet, ist nicht auf dem Server.',
    todo: '„Schützen“ auf „Nichts“ stellen oder den Bereich selbst einzeichnen.',
  },
  canceled: {
    what: 'Das Malen wurde angehalten.',
    todo: 'Das bisherige Bild bleibt erhalten. Ein neuer Versuch malt es zu Ende.',
  },
  dependency_failed: {
    what: 'Ein Teil des Servers antwortet nicht.',
    todo: 'Eine Minute warten und noch einmal versuchen.',
  },
  storage_failed: {
    what: 'Der Bildspeicher antwortet nicht.',
    todo: 'Eine Minute warten und noch einmal versuchen.',
  },
  storage_full: {
    what: 'Auf dem Server ist kein Platz mehr.',
    todo: 'Einige der eigenen Bilder löschen oder es später noch einmal versuchen.',
  },
  disk_full: {
    what: 'Auf dem Rechner, der malt, ist kein Platz mehr.',
    todo: 'Eine Minute warten. Das Malen geht von selbst weiter.',
  },
  queue_failed: {
    what: 'Die Warteschlange des Servers antwortet nicht.',
    todo: 'Eine Minute warten und noch einmal versuchen. Nichts wird doppelt gemalt.',
  },
  repository_failed: {
    what: 'Das Verzeichnis der Bilder antwortet nicht.',
    todo: 'Eine Minute warten und noch einmal versuchen. Die Bilder sind nicht verloren.',
  },
  feed_failed: {
    what: 'Der Fortschritt lässt sich im Moment nicht live anzeigen.',
    todo: 'Das Malen geht weiter. Diese Seite später erneut öffnen.',
  },
  video_unavailable: {
    what: 'Der Server kann Filme dieser Art nicht erzeugen.',
    todo: 'Stattdessen den Zeitraffer als WebP herunterladen.',
  },
  unreadable_job: {
    what: 'Diese Version des Servers kann den Auftrag nicht lesen.',
    todo: 'Das Bild im Atelier öffnen und erneut senden.',
  },
  pictures_gone: {
    what: 'Die hochgeladenen Bilder sind nicht mehr auf dem Server.',
    todo: 'Die Bilder im Atelier erneut senden.',
  },
  time_limit: {
    what: 'Das Malen hat länger gedauert, als dieser Server erlaubt.',
    todo: 'Das bisherige Bild bleibt erhalten. Mit weniger Schritten oder kleinerer Größe noch einmal versuchen.',
  },
  lease_lost: {
    what: 'Ein anderer Rechner hat das Malen übernommen.',
    todo: 'Dort geht es weiter. Die Seite neu laden.',
  },
  engine_crashed: {
    what: 'Das Malprogramm ist mehrmals abgestürzt.',
    todo: 'Mit weniger Details noch einmal versuchen: das Bild im Atelier öffnen und den Regler „Details“ nach links schieben.',
  },
  job_not_found: {
    what: 'Dieses Bild ist hier nicht oder nicht mehr vorhanden.',
    todo: 'Bilder werden nach einiger Zeit entfernt. Das Bild im Atelier neu malen.',
  },
  style_not_found: {
    what: 'Dieser gelernte Stil ist nicht oder nicht mehr auf dem Server.',
    todo: 'Die Datei unter „Meine Stile“ erneut hochladen.',
  },
  job_conflict: {
    what: 'Das ist im jetzigen Zustand dieses Bildes nicht möglich.',
    todo: 'Die Seite des Bildes noch einmal ansehen: Vielleicht ist es schon fertig.',
  },
  not_allowed: {
    what: 'Das gehört jemand anderem.',
    todo: 'Diese Person um einen Link zum Teilen bitten.',
  },
  too_many_requests: {
    what: 'Das waren mehr Anfragen, als dieser Server von einer Person annimmt.',
    todo: 'Warten, bis einige der eigenen Bilder fertig sind, und dann noch einmal versuchen.',
  },
  queue_full: {
    what: 'Es warten schon zu viele Bilder.',
    todo: 'In ein paar Minuten noch einmal versuchen.',
  },
  server_busy: {
    what: 'Der Server ist ausgelastet.',
    todo: 'In ein paar Sekunden noch einmal versuchen.',
  },
  bad_request: {
    what: 'Der Server hat die Seite nicht verstanden.',
    todo: 'Die Seite neu laden: Sie ist vielleicht älter als der Server.',
  },
  not_found: {
    what: 'Diese Adresse gibt es nicht.',
    todo: 'Den Link prüfen oder auf der Startseite beginnen.',
  },
  method_not_allowed: {
    what: 'Das führt der Server nicht aus.',
    todo: 'Die Seite neu laden: Sie ist vielleicht älter als der Server.',
  },
  internal_error: {
    what: 'Der Server hat einen Fehler gemacht.',
    todo: 'Noch einmal versuchen. Wenn es wieder geschieht, die Person benachrichtigen, die ihn betreibt.',
  },
  offline: {
    what: 'Der Server ist nicht erreichbar.',
    todo: 'Die Verbindung prüfen. Nichts ist verloren: Was gerade gemalt wird, geht weiter.',
  },
  cookies_blocked: {
    what: 'Der Browser blockiert Cookies für diese Seite, deshalb wurde nichts gesendet.',
    todo: 'In den Einstellungen des Browsers Cookies für diese Seite erlauben und die Seite neu laden.',
  },
  upload_stopped: {
    what: 'Das Hochladen wurde angehalten.',
    todo: 'Es kann jederzeit neu gestartet werden.',
  },
  page_failed: {
    what: 'Die Seite hat einen Fehler gemacht.',
    todo: 'Die Seite neu laden. Die Bilder auf dem Server sind sicher.',
  },
};

const STYLES = {
  impasto: 'Impasto',
  woodcut_waves: 'Holzschnittwellen',
  stained_glass: 'Glasmalerei',
  watercolour: 'Aquarell',
  mosaic: 'Mosaik',
  cubist: 'Kubismus',
  orphism: 'Orphismus',
  pointillism: 'Pointillismus',
};

export const texts: Texts = {
  name: 'nst',
  title: (page) => (page ? `${page} – nst` : 'nst – aus Fotos werden Gemälde'),

  nav: {
    label: 'Hauptnavigation',
    home: 'nst, Startseite',
    studio: 'Atelier',
    history: 'Meine Bilder',
    about: 'So geht’s',
    skip: 'Zum Inhalt springen',
    theme: { system: 'Farben: wie das System', light: 'Farben: hell', dark: 'Farben: dunkel' },
    shortcuts: 'Tastenkürzel',
    api: 'API',
  },

  footer: {
    privacy: 'Alle Bilder bleiben auf dem Server, der in der Adresszeile steht. Nichts wird weitergegeben.',
    language: 'Sprache',
  },

  common: {
    close: 'Schließen',
    cancel: 'Abbrechen',
    remove: 'Entfernen',
    retry: 'Noch einmal versuchen',
    reload: 'Seite neu laden',
    copy: 'Kopieren',
    copied: 'Kopiert.',
    notCopied: 'Der Browser erlaubt der Seite das Kopieren nicht. Den Text bitte markieren und selbst kopieren.',
    loading: 'Einen Moment …',
    justNow: 'gerade eben',
    serverSays: (sentence) => `Meldung (Englisch): ${sentence}`,
    start: 'Foto malen lassen',
    original: 'Foto',
    painted: 'Gemälde',
    compare: 'Foto und Gemälde vergleichen',
    dismiss: 'Diese Meldung ausblenden',
    noCookies:
      'Der Browser blockiert Cookies für diese Seite. Bitte erlauben und die Seite neu laden: Ohne Cookies lassen sich die eigenen Bilder nicht wiederfinden.',
    offline: 'Keine Verbindung. Was gerade gemalt wird, geht weiter; diese Seite zieht nach, sobald die Verbindung wieder da ist.',
    missing: { title: 'Seite nicht gefunden', text: 'Diese Adresse gibt es nicht. Der Link ist vielleicht alt oder enthält einen Tippfehler.' },
    home: 'Zur Startseite',
  },

  home: {
    page: '',
    eyebrow: 'Neuronaler Stiltransfer',
    title: 'Aus Fotos werden Gemälde.',
    lead: 'Ein Foto auswählen. Ein Gemälde auswählen. Zusehen, wie das Foto in dessen Stil gemalt wird, Strich für Strich.',
    promise: 'Ohne Konto. Die Bilder bleiben auf diesem Server und werden nach einiger Zeit gelöscht.',
    heroBefore: 'Foto einer Katze',
    heroAfter: 'Dieselbe Katze, gemalt mit dicken, wirbelnden Strichen',
    heroTitle: 'Die Katze Chelsea',
    heroDetail: 'Foto und Gemälde, im Stil „Impasto“',
    steps: {
      title: 'Drei Schritte',
      list: [
        { title: 'Ein Foto', text: 'Hierher ziehen, einfügen, mit dem Handy aufnehmen – oder eines von unseren nehmen.' },
        { title: 'Ein Stil', text: 'Jedes Bild ist geeignet: ein Gemälde, ein Muster, eine Zeichnung. Oder mehrere, gemischt.' },
        { title: 'Ein Gemälde', text: 'Der erste Entwurf ist in Sekunden da und wird beim Zusehen immer feiner.' },
      ],
    },
    gallery: {
      title: 'An der Wand',
      lead: 'Von diesem Programm gemalt, aus den mitgelieferten Beispielbildern. Jedes eignet sich als Ausgangspunkt.',
      try: 'Selbst malen lassen',
      tryLabel: (content, style) => `Selbst malen lassen: ${content} im Stil „${style}“`,
      alt: (content, style) => `${content}, gemalt im Stil „${style}“`,
    },
    how: {
      title: 'Kein Filter. Ein Gemälde.',
      text: 'Ein Netz, das gelernt hat, Dinge zu erkennen, vergleicht jeden Schritt mit dem Foto und mit dem Stil, bis das Bild den Inhalt des Fotos im Stil des anderen Bildes zeigt.',
      link: 'So geht’s',
    },
  },

  studio: {
    page: 'Atelier',
    title: 'Atelier',
    failed: 'Das Atelier lässt sich nicht öffnen.',
    content: {
      step: '1',
      title: 'Foto',
      drop: 'Foto hierher ziehen',
      hint: 'oder einfügen oder auswählen',
      alt: (name) => `Foto: ${name}`,
      samples: 'Oder eines dieser Fotos nehmen',
      detail: 'Mehr bewahren',
      detailLabel: 'Mehr bewahren: Bereich des Fotos einzeichnen',
      detailed: 'hier bleibt mehr vom Foto erhalten',
      saveDetail: 'Bereich, der bewahrt wird, als Bild speichern',
      protect: 'Schützen',
      notInDrafts: 'Ein Entwurf schützt nichts. Dafür eine andere Voreinstellung auswählen.',
    },
    style: {
      step: '2',
      title: 'Stil',
      drop: 'Gemälde hierher ziehen',
      hint: 'jedes Bild, dessen Stil gefällt',
      alt: (name) => `Stil: ${name}`,
      samples: 'Oder einen dieser Stile nehmen',
      search: 'Stile durchsuchen',
      own: 'Eigene Stile, in diesem Browser gespeichert',
      noneFound: (query) => `Kein Stil heißt „${query}“.`,
      move: (name, step) => `${name} nach ${step < 0 ? 'vorn' : 'hinten'} schieben`,
      add: 'Weiteren Stil hinzufügen',
      blend: (name) => `Anteil von ${name}`,
      share: (share) => percent(share * 100),
      mask: 'Nur einen Teil malen …',
      maskLabel: (name) => `Nur einen Teil malen … des Fotos im Stil „${name}“`,
      masked: 'in einem Teil des Bildes',
      saveMask: (name) => `Bereich von ${name} als Bild speichern`,
      maskNeedsContent: 'Zuerst ein Foto auswählen: Der Bereich wird darauf eingezeichnet.',
    },
    choose: { content: 'Foto auswählen', style: 'Stil auswählen' },
    camera: 'Foto aufnehmen',
    replace: 'Ersetzen',
    removeLabel: (name) => `${name} entfernen`,
    sampleLabel: (title) => `${title} verwenden`,
    favourite: (title) => `Favorit: ${title}`,
    forgetStyle: (title) => `${title} aus den eigenen Stilen löschen`,
    sampleAdd: (title) => `${title} zu den Stilen hinzufügen`,
    enlarged: (size, longest) =>
      `Dieses Foto hat nur ${pixelSize(size)} Pixel. Es wird auf ${longest} Pixel vergrößert, deshalb fehlen feine Details.`,
    noPreview: (format) => `${format} – Browser zeigen dieses Format nicht an, gemalt wird das Bild trotzdem.`,
    facts: (size, format, bytes) =>
      [size && pixelSize(size), format, bytes !== null && fileSize(bytes)].filter(Boolean).join(' · '),
    live: {
      label: 'Live-Entwurf',
      tag: 'Entwurf',
      alt: 'Entwurf des Fotos im ausgewählten Stil',
      painting: 'Entwurf wird gemalt …',
      note: 'Ein Entwurf in etwa einer Sekunde, nach jeder Änderung von Foto, Stil oder Farben. Bei geringer Stärke scheint das Foto durch; Schwung zeigt sich erst im Gemälde.',
      failed: 'Im Moment gibt es keinen Entwurf. Das Malen lässt sich wie gewohnt starten.',
    },
    dropAnywhere: 'Bilder lassen sich überall ablegen. Ein fertiges Gemälde bringt seine Einstellungen mit.',
    how: {
      step: '3',
      title: 'Wirkung',
    },
    presets: {
      label: 'Voreinstellung',
      names: {
        draft: { title: 'Entwurf', text: 'Ein erster Eindruck, in einer Sekunde' },
        fast: { title: 'Schnell', text: 'Wie „Beste“, in einem Drittel der Schritte' },
        quality: { title: 'Beste', text: 'Jede Stelle wird wie die ähnlichste Stelle des Stils gemalt' },
        gram: { title: 'Klassische Gram-Matrizen', text: 'Formen des Stils können überall erscheinen' },
        classic: { title: 'Original', text: 'Das Verfahren von 2016, mit allen Schritten' },
      },
    },
    sliders: {
      strength: { label: 'Stärke', least: 'Ein Hauch von Pinsel', most: 'Stil in voller Stärke' },
      flourish: { label: 'Schwung', least: 'Ruhig', most: 'Wild' },
      size: { label: 'Details', value: (size) => `${size} Pixel` },
      style_scale: { label: 'Pinsel', least: 'Fein', most: 'Breit', value: (scale) => `× ${plainNumber(scale)}` },
      color: {
        label: 'Farben',
        amount: 'Wie viel von den Farben des Fotos',
      },
    },
    expert: {
      title: 'Alle Einstellungen',
      lead: 'Alle Optionen des Programms. Voreinstellungen und Regler setzen sie ebenfalls.',
      changed: 'Geändert',
      reset: 'Zurück zur Voreinstellung',
      resetCount: (number) => `${many(number, 'Änderung', 'Änderungen')} zurücknehmen`,
      resetOne: (label) => `${label} auf die Voreinstellung zurücksetzen`,
      notAllowed: (allowed) => `Erlaubt ist: ${allowed}.`,
      groups: {
        picture: 'Bild',
        balance: 'Gewichtung',
        method: 'Verfahren',
        end: 'Wann es aufhört',
        other: 'Weitere',
      },
      on: 'An',
      off: 'Aus',
    },
    noEffect: {
      draft: (label) => `${label}: bei einem Entwurf ohne Wirkung.`,
      needs: (label, needs) => `${label}: ohne Wirkung. Dafür nötig: ${eitherOf(needs)}.`,
      need: (label, values) => `${label} ${values ? `„${eitherOf(values)}“` : 'über 0'}`,
    },
    allowed: {
      whole: 'eine ganze Zahl',
      number: 'eine Zahl',
      list: 'Zahlen mit Dezimalpunkt, durch Kommas getrennt',
      choices: (choices) => `eines von ${choices.join(', ')}`,
      like: (examples) => `ein Wert wie ${examples.join(' oder ')}`,
      least: (value, above) => `${above ? 'mehr als' : 'mindestens'} ${plainNumber(value)}`,
      most: (value, below) => `${below ? 'weniger als' : 'höchstens'} ${plainNumber(value)}`,
    },
    looks: {
      title: 'Meine Looks',
      lead: 'Diese Einstellungen unter einem Namen in diesem Browser speichern. Eine gespeicherte Datei lässt sich hier wieder ablegen oder weitergeben.',
      name: 'Name des Looks',
      keep: 'Speichern',
      open: 'Gespeicherten Look öffnen',
      use: (name) => `Look ${name} verwenden`,
      drop: (name) => `Look ${name} löschen`,
      file: (name) => `Look ${name} als Datei speichern`,
    },
    commands: 'Dasselbe als Befehl',
    start: 'Malen starten',
    startKeys: 'Strg + Enter',
    startSet: (count) => `${many(count, 'Gemälde', 'Gemälde')} starten`,
    tooManyPaintings: (count, most) =>
      `${count} Gemälde sind zu viele für eine Serie; höchstens ${most} sind möglich. Fotos oder Stile entfernen.`,
    setIsShort: (taken, all, why) =>
      `${taken} von ${all} Gemälden wurden gestartet. Der Server nimmt gerade keine weiteren an. ${why}`,
    more: {
      label: 'Weitere Fotos, die ebenso gemalt werden',
      add: 'Weitere Fotos hinzufügen',
      eachAlone: 'Ein Gemälde für jeden Stil',
      queue: ({ count, room, unfinished, most }) =>
        [
          `Dieser Server nimmt von einer Person ${most} unfertige Gemälde an${unfinished > 0 ? `, und ${unfinished} ${unfinished === 1 ? 'ist' : 'sind'} noch nicht fertig` : ''}.`,
          room > 0
            ? `Gestartet werden die ersten ${room} von ${count}; die anderen bitte starten, wenn diese fertig sind.`
            : 'Bitte warten, bis einige fertig sind, oder unter „Meine Bilder“ welche aus der Warteschlange entfernen.',
        ].join(' '),
      masks: 'Gezeichnete Bereiche bleiben beim ersten Foto.',
    },
    four: { label: 'Oder malen lassen:', strength: 'vier Stärken', seed: 'vier Startwerte' },
    uploading: (share) => `Bilder werden gesendet … ${percent(share * 100)}`,
    preparing: 'Wird vorbereitet …',
    stopUpload: 'Anhalten',
    missing: { content: 'Zuerst ein Foto auswählen.', style: 'Zuerst einen Stil auswählen.' },
    contentSet: (name) => `Foto: ${name}`,
    styleAdded: (name) => `Stil: ${name}`,
    tooManyStyles: (most) => `Höchstens ${most} Stile lassen sich mischen. Zuerst einen entfernen.`,
    remixing: (title) => `Bilder und Einstellungen von „${title}“ sind geladen.`,
    recipeFound: (name) => `${name} wurde hier gemalt: Die Einstellungen sind wieder da. Jetzt die Bilder auswählen.`,
    recipeComplete: (name) => `${name} wurde hier gemalt: Einstellungen und Bilder sind wieder da.`,
    repeats: (changes, stopAfter) =>
      `Wie im Rezept: ${[...changes, stopAfter && `Ende nach Schritt ${stopAfter}`].filter(Boolean).join(', ')}.`,
    steeredAt: (label, value, step) => `${label} ${plainNumber(value)} ab Schritt ${step}`,
    forgetRepeat: 'Nicht wiederholen',
    estimate: (time) => `Dauer auf diesem Server: ${germanTime(time)}.`,
    estimateOfSet: (time, count) => `Dauer von ${count} Gemälden auf diesem Server: ${germanTime(time)}.`,
    lookImported: (names) => `Importierte Looks: ${names}`,
  },

  detail: {
    title: 'Hier mehr vom Foto bewahren',
    lead: 'Übermalen, was erkennbar bleiben soll. Im farbigen Bereich wirkt der Stil schwächer.',
    none: 'Keinen Bereich schützen',
  },

  crop: {
    title: 'Zuschneiden und drehen',
    lead: 'Die Ecken ziehen oder mit den Pfeiltasten bewegen. Was außerhalb liegt, wird nicht gemalt.',
    open: 'Foto zuschneiden und drehen',
    short: 'Zuschneiden',
    corner: { lefttop: 'Ecke oben links', righttop: 'Ecke oben rechts', leftbottom: 'Ecke unten links', rightbottom: 'Ecke unten rechts' },
    left: 'Nach links drehen',
    right: 'Nach rechts drehen',
    whole: 'Ganzes Foto',
    done: 'Ausschnitt verwenden',
    failed: 'Der Browser kann dieses Foto nicht öffnen.',
  },

  mask: {
    title: (name) => `Wo gilt ${name}?`,
    lead: 'Den Teil des Fotos übermalen, der diesen Stil bekommt. Er wird farbig gezeigt.',
    canvas: 'Foto zum Einzeichnen. Pfeiltasten bewegen den Pinsel, die Leertaste malt.',
    paint: 'Malen',
    erase: 'Radieren',
    size: 'Größe des Pinsels',
    softness: 'Weichheit des Rands',
    all: 'Alles',
    none: 'Nichts',
    invert: 'Umkehren',
    undo: 'Rückgängig',
    done: 'Bereich verwenden',
    everywhere: 'Überall anwenden',
    tool: 'Werkzeug',
  },

  job: {
    page: 'Gemälde',
    loading: 'Das Bild wird geholt …',
    gone: {
      title: 'Dieses Bild ist nicht mehr hier',
      text: 'Es wurde gelöscht, seine Frist ist abgelaufen – oder es gehört zu einem anderen Browser.',
    },
    status: {
      queued: 'Wartet',
      running: 'Wird gemalt',
      succeeded: 'Fertig',
      failed: 'Gescheitert',
      canceled: 'Angehalten',
    },
    next: 'Als Nächstes an der Reihe.',
    place: (place) => `Platz ${place} in der Warteschlange.`,
    waitingLong: (waited) =>
      `Wartet schon ${duration(waited)}. Diese Seite kann geschlossen werden: Gemalt wird trotzdem, das Bild steht dann unter „Meine Bilder“.`,
    starting: 'Wird vorbereitet …',
    canceling: 'Wird nach diesem Schritt angehalten …',
    attempt: (attempt) => `Der Rechner wurde unterbrochen; Versuch ${attempt} macht dort weiter.`,
    step: (step, total) => `Schritt ${step} von ${total}`,
    elapsed: 'Vergangen',
    remaining: 'Verbleibend',
    painting: 'Gemalt wird mit',
    progress: 'Fortschritt des Gemäldes',
    draft: 'Erster Entwurf',
    alt: {
      content: (title) => `Das Foto zu ${title}`,
      live: (title, step) => `${title}, Stand nach Schritt ${step}`,
      draft: (title) => `Erster Entwurf von ${title}`,
      result: (title) => `Fertiges Gemälde: ${title}`,
      partial: (title) => `Bisher gemalt von ${title}`,
      frame: (step) => `Das Gemälde nach Schritt ${step}`,
    },
    connection: {
      reconnecting: 'Die Verbindung ist unterbrochen und wird wiederhergestellt; das Malen geht weiter.',
    },
    stop: 'Anhalten und Bild behalten',
    cancelQueued: 'Aus der Warteschlange nehmen',
    sameAgain: 'Mit diesen Einstellungen ist jedes Gemälde gleich. Zuerst etwas ändern, dann starten.',
    stopDialog: {
      title: 'Malen anhalten?',
      text: 'Das Bild bleibt so erhalten, wie es jetzt ist.',
      yes: 'Anhalten',
      no: 'Weitermalen',
    },
    notify: 'Melden, wenn es fertig ist',
    notifyOn: 'Eine Meldung kommt, sobald es fertig ist.',
    notifyRefused: 'Der Browser erlaubt dieser Seite keine Benachrichtigungen.',
    notification: {
      succeeded: 'Das Gemälde ist fertig',
      failed: 'Das Gemälde ist gescheitert',
      canceled: 'Das Malen wurde angehalten',
      queued: '',
      running: '',
    },
    tabTitle: (share, title) => `${percent(share)} · ${title}`,
    tabWaiting: (title) => `Wartet · ${title}`,
    losses: {
      title: 'Fortschritt',
      lead: 'Abstand des Gemäldes von Foto und Stil nach jedem Schritt. Niedriger ist ähnlicher.',
      axes: { step: 'Schritt', loss: 'Abstand (logarithmisch)' },
      content: 'Foto',
      style: 'Stil',
      total: 'Zusammen',
      summary: (first, last, step) =>
        `Fortschritt bis Schritt ${step}: Der Abstand von Foto und Stil zusammen sank von ${first} auf ${last}.`,
      empty: 'Die Kurve beginnt mit dem ersten Schritt.',
    },
    steer: {
      title: 'Steuern',
      lead: 'Einen Regler bewegen: Das Gemälde folgt ab dem nächsten Schritt.',
      labels: {
        strength: 'Stärke',
        flourish: 'Schwung',
        content_weight: 'Foto bewahren',
        style_weight: 'Stil anwenden',
        tv_weight: 'Rauschen glätten',
        color_amount: 'Farben des Fotos',
      },
      pending: 'ab dem nächsten Schritt',
      reset: 'Wie vorher',
    },
    view: {
      label: 'Ansicht',
      picture: 'Bild',
      compare: 'Vergleich',
      frames: 'Verlauf',
      hold: 'Halten für Foto',
      holdKey: 'Taste: O',
      zoom: 'Genauer ansehen',
      draft: 'Entwurf – gleich ersetzt ihn das Gemälde',
      frame: (step) => `Schritt ${step}`,
      scrub: 'Gemälde Schritt für Schritt durchgehen',
      noFrames: 'Es wurden keine Zwischenbilder behalten. Die Einstellung „Zwischenbild alle“ behält in festem Abstand eines.',
    },
    zoom: {
      title: 'Genauer ansehen',
      in: 'Größer',
      out: 'Kleiner',
      fit: 'Ganzes Bild',
      scale: (share) => percent(share * 100),
      area: 'Bild, vergrößert. Scrollen oder ziehen bewegt es.',
    },
    done: {
      cached: 'Schon einmal gemalt',
      cachedNote: 'Dieselben Bilder und Einstellungen wurden schon einmal gemalt, deshalb war das Ergebnis sofort da.',
      facts: (steps, seconds) =>
        [many(steps, 'Schritt', 'Schritte'), seconds !== null && duration(seconds)].filter(Boolean).join(' in '),
      draft: 'In einem Durchgang gemalt',
      converged: 'Von selbst beendet: Das Bild änderte sich kaum noch.',
      notice: (notice) => `Nichts wurde geschützt. Meldung (Englisch): ${notice}.`,
      partial: 'Vorzeitig angehalten: Das ist das bisherige Bild.',
      nothing: 'Vor dem ersten Schritt angehalten, deshalb gibt es kein Bild.',
      distances: (content, style, worstTenth) =>
        `Abstand vom Foto ${hundredths(content)}, vom Stil ${hundredths(style)} (schlechtestes Zehntel ${hundredths(worstTenth)}).`,
      distancesNote: (judge) =>
        `Gemessen mit ${judge}, das nicht am Malen beteiligt war. 0 heißt gleich. Das schlechteste Zehntel sind die Stellen, die dem Stil am wenigsten ähneln.`,
      kept: (until) => `Wird hier bis ${until} aufbewahrt.`,
    },
    actions: {
      download: 'Herunterladen',
      more: 'Weitere Downloads',
      formats: { png: 'Gemälde (PNG)', jpeg: 'Gemälde (JPEG)', webp: 'Gemälde (WebP)' },
      archive: 'Alle Bilder (ZIP)',
      timelapse: 'Zeitraffer (WebP)',
      timelapseMp4: 'Zeitraffer (MP4)',
      beforeAfter: 'Vorher und nachher (JPEG)',
      recipe: 'Rezept (JSON)',
      share: 'Teilen',
      commands: 'Als Befehl',
      resume: 'Weitermalen',
      larger: 'Größer',
      largerTitle: (size) => `Von diesem Ergebnis aus mit ${size} Pixeln weitermalen, in doppelter Größe`,
      retry: 'Noch einmal versuchen',
      again: 'Noch einmal malen',
      remix: 'Ändern und neu malen',
      delete: 'Löschen',
      another: 'Anderes Foto',
    },
    facts: {
      title: 'Gemalt mit',
      preset: 'Voreinstellung',
      model: 'Netz',
      size: 'Größe',
      device: 'Berechnet auf',
      painted: 'Gemalt',
      stopped: 'Angehalten',
      afterStep: (step) => `nach Schritt ${step}`,
      steered: (step, value) => `ab Schritt ${step}: ${plainNumber(value)}`,
      content: 'Foto',
      style: 'Stil',
      styles: 'Stile',
      options: 'Alle Einstellungen dieses Bildes',
    },
    failed: {
      title: 'Das hat nicht geklappt',
      detail: 'Meldung des Servers (Englisch)',
    },
    share: {
      title: 'Dieses Bild teilen',
      lead: 'Wer den Link hat, sieht das Foto und das Gemälde, sonst nichts. Der Link lässt sich jederzeit widerrufen.',
      days: 'Gültig für',
      daysChoice: (days) => many(days, 'Tag', 'Tage'),
      make: 'Link erstellen',
      link: 'Link',
      until: (date) => `bis ${date}`,
      takeBack: 'Widerrufen',
      takeBackLabel: (date) => `Den Link widerrufen, der bis ${date} gültig ist`,
      takenBack: 'Der Link funktioniert nicht mehr.',
      none: 'Es gibt noch keinen Link.',
      hidden: 'Dieser Link wurde beim Erstellen angezeigt. Wenn er verloren ist, einen neuen erstellen.',
      send: 'Bild an eine App senden',
      notSent: 'Das Bild wurde nicht übergeben. Es lässt sich herunterladen und von dort senden.',
    },
    commands: {
      title: 'Dasselbe als Befehl',
      lead: 'Im Ordner mit den Bildern.',
      curl: 'API (curl)',
      cli: 'Befehlszeile',
      copy: (name) => `Kopieren: ${name}`,
    },
    delete: {
      title: 'Dieses Bild löschen?',
      text: 'Das Gemälde, seine Zwischenbilder und seine Links werden entfernt. Das lässt sich nicht rückgängig machen.',
      running: 'Es wird noch gemalt und deshalb zuerst angehalten.',
      yes: 'Löschen',
      done: 'Gelöscht.',
    },
  },

  film: {
    hint: 'oder einfügen oder auswählen. Ein kurzer Film geht auch',
    note: 'Jedes Einzelbild dieses Films wird gemalt. Für Filme gibt es keinen Live-Entwurf.',
    enlarged: (size, longest) =>
      `Dieser Film hat nur ${pixelSize(size)} Pixel. Er wird auf ${longest} Pixel vergrößert, deshalb fehlen feine Details.`,
    format: (seconds) => (seconds === null ? 'Film' : `Film, ${plainNumber(Math.round(10 * seconds) / 10)} s`),
    noPreview: 'Der Browser kann diesen Film nicht abspielen, aber vielleicht kann der Server ihn malen.',
    noMask: 'Ein Film wird überall in allen seinen Stilen gemalt.',
    original: 'Film',
    draft: 'Erster Entwurf',
    frame: (frame) => `Einzelbild ${frame}`,
    progress: ({ pass, frame }, { frames, passes }) =>
      [passes > 1 && `Durchgang ${pass} von ${passes}`, `Einzelbild ${frame} von ${frames}`].filter(Boolean).join(' · '),
    passes: 'Durchgänge',
    passesHelp: 'Jeder Durchgang malt den ganzen Film noch einmal, abwechselnd rückwärts und vorwärts. Was noch flackert, gleicht sich aus.',
    passesNotInDrafts: 'Ein Entwurf und ein gelernter Stil haben einen Durchgang.',
    estimate: (time, frames) => `Dauer auf diesem Server: ${germanTime(time)} für ${many(frames, 'Einzelbild', 'Einzelbilder')}.`,
    noEffect: (label) => `${label} hat bei einem Film keine Wirkung.`,
    done: (frames, seconds) =>
      [many(frames, 'Einzelbild', 'Einzelbilder'), seconds !== null && duration(seconds)].filter(Boolean).join(' in '),
    notice: (notice) => `Meldung (Englisch): ${notice}.`,
    partial: 'Vorzeitig angehalten: Das sind die bisherigen Einzelbilder.',
    stopText: 'Die schon gemalten Einzelbilder bleiben als Film erhalten.',
    alt: {
      content: (title) => `Film: ${title}`,
      draft: (title) => `Erster Entwurf von ${title}`,
      frame: (title, frame) => `${title}, Einzelbild ${frame}, wie es gemalt wurde`,
      result: (title) => `Gemalter Film: ${title}`,
    },
  },

  live: {
    page: 'Live',
    title: 'Die Kamera, live gemalt',
    lead: 'Gemalt vom eigenen Browser mit einem der gelernten Stile. Kein Bild verlässt diese Seite.',
    noStyle: 'Es gibt noch keinen gelernten Stil. Im Atelier unter „Meine Stile“ lässt sich einer hochladen.',
    noCamera:
      'Es gibt keine Kamera, die diese Seite verwenden darf. Eine anschließen und im Browser erlauben; außerhalb von localhost brauchen Kameras HTTPS.',
    style: 'Stil',
    start: 'Kamera starten',
    stop: 'Kamera anhalten',
    starting: 'Einen Moment …',
    failed: 'Die Kamera lässt sich nicht malen.',
    alt: 'Die Kamera, gemalt',
    rate: (perSecond) => `${plainNumber(Math.round(10 * perSecond) / 10)} Bilder pro Sekunde`,
  },

  learned: {
    camera: 'Die eigene Kamera live malen',
    title: 'Meine Stile, gelernt mit nst learn',
    upload: 'Gelernten Stil hochladen',
    failed: 'Das hat nicht geklappt.',
    use: (name) => `${name} verwenden`,
    rename: (name) => `${name} umbenennen`,
    delete: (name) => `${name} löschen`,
    name: 'Name',
    save: 'Speichern',
    facts: ({ styles, licence, size_bytes }) => [allOf(styles), fileSize(size_bytes), licence].filter(Boolean).join(' · '),
    card: 'Ein gelernter Stil malt das Foto in einem Durchgang, welche Voreinstellung auch gewählt ist.',
    noMask: 'Ein gelernter Stil malt überall.',
    confirm: {
      title: (name) => `${name} löschen?`,
      text: 'Die Datei wird vom Server gelöscht. Bilder, die damit gemalt wurden, bleiben und lassen sich noch einmal malen.',
      yes: 'Löschen',
    },
  },

  jobs: {
    progress: (over, all) => `${over} von ${all} fertig`,
    archive: (count) => `${many(count, 'Gemälde', 'Gemälde')} herunterladen (ZIP)`,
  },

  set: {
    title: 'Serie',
    lead: 'Mehrere Fotos, nacheinander mit denselben Einstellungen gemalt. Diese Seite darf geschlossen werden: Alle Gemälde erscheinen auch unter „Meine Bilder“.',
  },

  variations: {
    title: 'Varianten',
    lead: 'Dasselbe Foto und derselbe Stil, viermal gemalt. Die schönste öffnen oder etwas ändern und neu beginnen.',
    alt: (caption) => `Gemälde mit ${caption}`,
    open: (caption) => `Gemälde mit ${caption} öffnen`,
    back: 'Zurück zum Atelier',
  },

  history: {
    page: 'Meine Bilder',
    title: 'Meine Bilder',
    filter: 'Anzeigen',
    all: 'Alle',
    empty: {
      title: 'Die Wand ist noch leer',
      text: 'Hier hängen die gemalten Bilder, auch nach dem Schließen des Browsers.',
    },
    emptyFilter: (state) => `Kein Bild hat den Zustand „${state}“.`,
    more: 'Ältere Bilder anzeigen',
    alt: (title) => title,
    again: 'Noch einmal malen',
    remix: 'Ändern und neu malen',
    delete: 'Löschen',
    cancel: 'Anhalten',
    label: (action, title) => `${action}: ${title}`,
    cancelAll: 'Alle wartenden anhalten',
    canceledAll: (number) => `${many(number, 'Bild', 'Bilder')} angehalten.`,
    clear: 'Fertige löschen',
    clearDialog: {
      title: 'Alles Fertige löschen?',
      text: 'Fertige, gescheiterte und angehaltene Bilder werden mit ihren Links entfernt. Das lässt sich nicht rückgängig machen.',
      yes: 'Alle löschen',
    },
    cleared: (number) => `${many(number, 'Bild', 'Bilder')} gelöscht.`,
    privacy: 'Nur dieser Browser sieht diese Liste.',
  },

  shared: {
    page: 'Geteiltes Bild',
    eyebrow: 'Geteiltes Bild',
    painted: (when) => `Gemalt am ${when}`,
    download: 'Herunterladen',
    gone: {
      title: 'Dieser Link funktioniert nicht mehr',
      text: 'Seine Frist ist abgelaufen, oder die Person, die ihn geteilt hat, hat ihn widerrufen.',
    },
    own: 'Eigenes Foto malen lassen',
  },

  about: {
    page: 'So geht’s',
    title: 'Wie aus einem Foto ein Gemälde wird',
    lead: 'Es gibt keinen Filter und keine Sammlung von Pinselstrichen. Es gibt drei Bilder, ein Netz, das sie betrachtet, und die Frage, wie sich eines davon ändern muss.',
    content: {
      title: 'Was auf dem Bild ist',
      text: [
        'Ein Netz, das darauf trainiert wurde, tausend Arten von Dingen zu erkennen (VGG, von Karen Simonyan und Andrew Zisserman), verwandelt ein Bild in Schichten von Merkmalen: zuerst Kanten, dann Texturen, dann Teile von Dingen.',
        'Zwei Bilder zeigen dasselbe, wenn ihre Merkmale tief im Netz dieselben sind, auch wenn jedes Pixel verschieden ist. Dieser Abstand ist der Inhaltsverlust.',
      ],
    },
    style: {
      title: 'Was sein Stil ist',
      text: [
        'Stil ist nicht, wo etwas ist, sondern was zusammengehört: Mit diesem Blau kommen Wirbel, neben diesem Gelb liegen kurze Striche. In jeder Schicht hat das Netz Hunderte solcher Detektoren, und eine Gram-Matrix sagt für jedes Paar, wie oft beide an derselben Stelle ansprechen – wo auch immer diese Stelle ist.',
        'Zwei Bilder haben denselben Stil, wenn ihre Gram-Matrizen gleich sind. Dieser Abstand ist der Stilverlust.',
        'Die Voreinstellung „Beste“ vergleicht stattdessen Stellen: Zu jeder Stelle des Fotos sucht sie die Stelle des Stils, die ihr am ähnlichsten sieht, und malt die eine wie die andere. Das Bild bleibt lesbar, und „Schwung“ bestimmt, wie frei die großen Formen des Stils dort erscheinen, wo das Foto leer ist.',
      ],
      gram: 'Gram-Matrizen zweier Stile, eine Schicht von VGG-16: Jedes kleine Quadrat zeigt, wie stark zwei Detektoren des Netzes zusammengehören. Jeder Stil hat sein eigenes Muster.',
    },
    paint: {
      title: 'Dann wird gemalt',
      text: [
        'Die Unbekannten sind die Pixel selbst. Das Programm beginnt mit dem Foto, fragt, wie sich jedes Pixel ändern müsste, damit beide Abstände kleiner werden, ändert alle ein wenig (mit L-BFGS, einem Verfahren, das aus den eigenen Schritten lernt) und fragt erneut.',
        'Nichts wird erfunden, was nicht in den beiden Bildern ist, und jeder Schritt ist sichtbar.',
      ],
    },
    weights: {
      title: 'Was die Einstellungen bewirken',
      strength: { title: 'Stärke', text: 'Wie die beiden Abstände gegeneinander abgewogen werden. 0: das Foto mit einem Hauch von Pinsel; 1: der Stil in voller Stärke.' },
      brush: { title: 'Pinsel', text: 'Das Netz sieht ein Fenster fester Größe. Mit einem kleineren Stilbild werden die Striche feiner.' },
      color: { title: 'Farben', text: 'Die Farben des Stils; die des Stils, an die des Fotos angenähert; oder die des Fotos, wobei nur Hell und Dunkel gemalt werden.' },
      smooth: { title: 'Glätte', text: 'Das Gewicht der totalen Variation glättet das Rauschen zwischen benachbarten Pixeln.' },
      size: { title: 'Details', text: 'Die längste Seite des Ergebnisses. Zuerst wird ein grobes Bild mit den großen Formen gemalt; ein feines ergänzt die Details.' },
    },
    captions: {
      photo: 'Foto',
      style: 'Stil',
      painting: 'Gemälde',
      steps: (step) => (step === 0 ? 'Entwurf' : `Schritt ${step}`),
      strength: (value) => `Stärke ${plainNumber(value)}`,
      brush: (value) => `Pinsel × ${plainNumber(value)}`,
      color: { style: 'Die des Stils', match: 'Angeglichen', luminance: 'Die des Fotos' },
      gram: (style) => `Gram-Matrix von ${style}`,
    },
    sources: {
      title: 'Wer es entdeckt hat',
      text: 'Leon Gatys, Alexander Ecker und Matthias Bethge: „Image Style Transfer Using Convolutional Neural Networks“, CVPR 2016. Der Vergleich von Stellen: Nicholas Kolkin und andere, „Neural Neighbor Style Transfer“, 2022. Der Entwurf kommt aus einem Netz von Golnaz Ghiasi und anderen, BMVC 2017.',
    },
    start: 'Ausprobieren',
  },

  shortcuts: {
    title: 'Tastenkürzel',
    list: [
      { keys: ['Strg', 'Enter'], text: 'Malen starten (Atelier)' },
      { keys: ['Strg', 'V'], text: 'Bild einfügen (Atelier)' },
      { keys: ['O'], text: 'Halten, um das Foto zu sehen (Bild)' },
      { keys: ['C'], text: 'Foto und Gemälde vergleichen (Bild)' },
      { keys: ['Z'], text: 'Genauer ansehen (Bild)' },
      { keys: ['Esc'], text: 'Malen anhalten; Fenster schließen' },
      { keys: ['?'], text: 'Diese Liste' },
    ],
  },

  options: {
    labels: {
      size: 'Größe',
      content_weight: 'Gewicht des Inhalts',
      style_weight: 'Gewicht des Stils',
      strength: 'Stärke',
      flourish: 'Schwung',
      style_scale: 'Maßstab des Stils',
      protect: 'Schützen',
      color: 'Farben',
      color_amount: 'Anteil der Farben',
      tv_weight: 'Gewicht der totalen Variation',
      optimizer: 'Optimierer',
      model: 'Netz',
      style_layers: 'Stilschichten',
      content_layers: 'Inhaltsschichten',
      pooling: 'Pooling',
      init_method: 'Beginnen mit',
      total_iterations: 'Höchstzahl der Schritte',
      scales: 'Auflösungsstufen',
      average: 'Mittelung',
      style_loss: 'Stilverlust',
      style_blend: 'Anteile der Stile',
      padding: 'Rand der Merkmale',
      learning_rate: 'Lernrate',
      convergence_tolerance: 'Konvergenztoleranz',
      convergence_window: 'Konvergenzfenster',
      save_every: 'Zwischenbild alle',
      bit_depth: 'Bits pro Kanal',
      seed: 'Startwert',
    },
    values: {
      color: { style: 'Vom Stil', match: 'Angeglichen', luminance: 'Vom Foto' },
      protect: { none: 'Nichts', faces: 'Gesichter', person: 'Personen' },
      optimizer: { lbfgs: 'L-BFGS', adam: 'Adam' },
      model: { vgg16: 'VGG-16', vgg19: 'VGG-19' },
      pooling: { max: 'Maximum', average: 'Mittelwert' },
      init_method: { content: 'Foto', random: 'Rauschen', style: 'Stil', draft: 'Entwurf' },
      style_loss: { gram: 'Gram-Matrizen', wasserstein: 'Wasserstein-Abstand', neighbors: 'Nächste Nachbarn' },
      padding: { zeros: 'Nullen', replicate: 'Wiederholter Rand' },
      bit_depth: { 8: '8', 16: '16' },
      device: { cpu: 'CPU', cuda: 'GPU (CUDA)', mps: 'GPU (Apple)' },
      precision: { fp32: 'float32', bf16: 'bfloat16', fp16: 'float16' },
    },
    help: {
      size: 'Längste Seite des Ergebnisses; das Seitenverhältnis des Fotos bleibt erhalten.',
      content_weight: 'Gewicht des Inhaltsverlusts: der Ähnlichkeit mit dem Foto.',
      style_weight: 'Gewicht des Stilverlusts: der Ähnlichkeit mit dem Stilbild.',
      strength:
        'Stärke des Stils: 0 ist das Foto mit einem Hauch von Pinsel, 1 der Stil in voller Stärke. Bei 0 wird das Gewicht des Inhalts mit 10 000 multipliziert, bei 1 durch 10 000 geteilt; beim Stilverlust „Nächste Nachbarn“ ist der Faktor 10.',
      flourish: 'Anteil großer Formen des Stils, wo das Foto leer ist: 0 ist ruhig, 1 ist wild.',
      style_scale: 'Größe des Stilbilds und damit der Pinselstriche; 1 ist die Höhe des Ergebnisses.',
      style_blend: 'Anteile mehrerer Stile in ihrer Reihenfolge, etwa 0.7,0.3; ohne Angabe sind alle gleich.',
      protect:
        'Bewahrt mehr vom Foto, wo ein Netz Gesichter oder die Person im Vordergrund findet. Von Hand lassen sich solche Stellen mit „Mehr bewahren“ einzeichnen.',
      color:
        'Farben des Ergebnisses. Vom Stil: die des Stilbilds. Angeglichen: Das Stilbild bekommt zuerst die Palette des Fotos. Vom Foto: Nur die Helligkeit wird gemalt, die Farben des Fotos bleiben.',
      color_amount: 'Anteil der Farbigkeit des Fotos, der mit den Farben „Vom Foto“ erhalten bleibt.',
      tv_weight: 'Gewicht des Verlusts der totalen Variation, der Rauschen glättet.',
      optimizer: 'L-BFGS braucht weniger Schritte, Adam weniger Speicher.',
      model: 'Netz, das die Bilder vergleicht. Ohne Angabe wird das mitgelieferte VGG-16 verwendet, wenn die Gewichte von VGG-19 fehlen.',
      style_layers:
        'Schichten, deren Statistik verglichen wird: classic, eine in jedem Block; dense, etwa doppelt so viele, was den Stil besser trifft; oder Namen mit relativen Gewichten (ohne Angabe 1).',
      content_layers:
        'Schichten, deren Merkmale mit denen des Fotos verglichen werden: classic, die Schicht der klassischen Programme; oder Namen mit relativen Gewichten (ohne Angabe 1).',
      pooling: 'Pooling des Netzes: das Maximum jedes Fensters, wie bei seinem Training, oder der Mittelwert.',
      style_loss:
        'Vergleich des Bildes mit dem Stil. Gram-Matrizen: wie in den klassischen Programmen. Wasserstein-Abstand: wie weit Merkmale wandern müssen, bis Mittelwert und Kovarianz die des Stils sind. Nächste Nachbarn: Jeder Stelle des Fotos wird die ähnlichste Stelle des Stils zugeordnet.',
      padding:
        'Auffüllung des Netzes am Rand des Bildes: Nullen, wie in den klassischen Programmen, oder Kopien des Randes, die dort weniger Spuren hinterlassen.',
      init_method:
        'Anfangsbild: das Foto, gaußsches Rauschen, der Stil oder der Entwurf eines Netzes. Bei höchstens 0 Schritten ist der Entwurf das Ergebnis.',
      total_iterations: 'Höchstzahl der Schritte des Optimierers.',
      scales: 'Anzahl der Auflösungsstufen, die sich die Schritte teilen; jede verdoppelt die Auflösung.',
      average: 'Abklingen des Mittels über die Schritte der letzten Stufe; 0 schaltet es ab.',
      learning_rate: 'Schrittweite von Adam; L-BFGS findet seine eigene.',
      convergence_tolerance: 'Hört auf, wenn der Verlust innerhalb des Fensters um weniger als diesen Anteil sinkt; 0 schaltet das ab.',
      convergence_window: 'Anzahl der Schritte, über die die Konvergenztoleranz gemessen wird.',
      save_every: 'Abstand der Zwischenbilder, die behalten werden, in Schritten; 0 schaltet sie ab.',
      bit_depth: 'Bits pro Kanal des Ergebnisses; 16 brauchen eine PNG- oder TIFF-Datei. Zwischenbilder haben immer 8.',
      seed: 'Gleicher Startwert, gleicher Rechner: gleiches Bild.',
    },
    units: { pixels: 'Pixel', 'grey levels': 'Graustufen', steps: 'Schritte' },
  },

  samples: {
    titles: {
      cat: 'Katze',
      rocket: 'Rakete',
      coffee: 'Kaffee',
      astronaut: 'Astronautin',
      ...STYLES,
    },
    /** What the photos of the home page are called there. */
    gallery: { cat: 'Die Katze Chelsea', rocket: 'Falcon 9', coffee: 'Espresso', astronaut: 'Eileen Collins', ...STYLES },
  },

  wrongFile: {
    empty: (name) => `${name} ist leer. Eine andere Datei auswählen.`,
    format: (name, format, allowed) => {
      const kinds: Record<string, string> = {
        HEIC: 'ist ein HEIC-Foto. Auf dem iPhone unter Einstellungen, Kamera, Formate „Maximale Kompatibilität“ auswählen oder das Foto als JPEG speichern',
        SVG: 'ist eine Vektorzeichnung. Zuerst als PNG speichern',
        PDF: 'ist ein PDF-Dokument. Die Seite zuerst als Bild speichern',
        ZIP: 'ist ein ZIP-Archiv oder ein Dokument. Das Bild daraus entnehmen',
        video: 'ist ein Film. Ein einzelnes Bild auswählen',
        text: 'ist ein Text, kein Bild',
        unknown: 'ist kein Bild, das hier gelesen werden kann',
      };
      return `${name} ${kinds[format] ?? `ist ein Bild im Format ${format}, das hier nicht angenommen wird`}. Unterstützte Formate: ${allOf(allowed)}.`;
    },
    bytes: (name, bytes, most) =>
      `${name} hat ${fileSize(bytes)}; höchstens ${fileSize(most)} sind erlaubt. Kleiner speichern und erneut auswählen.`,
    pixels: (name, size, most) =>
      `${name} hat ${pixelSize(size)} Pixel; höchstens ${Math.round(most / 1e6)} Megapixel sind erlaubt. Verkleinern und erneut auswählen.`,
    filmBytes: (name, bytes, most) =>
      `${name} hat ${fileSize(bytes)}; bei einem Film sind höchstens ${fileSize(most)} erlaubt. Kürzen und erneut auswählen.`,
    filmSeconds: (name, seconds, most) =>
      `${name} ist ${plainNumber(Math.round(seconds))} s lang; höchstens ${plainNumber(most)} s sind erlaubt. Kürzen und erneut auswählen.`,
    song: (name) => `${name} enthält Ton und kein Bild. Einen Film oder ein Foto auswählen.`,
    damaged: (name) => `${name} lässt sich nicht lesen und ist vielleicht beschädigt. In einem anderen Programm öffnen und erneut speichern.`,
    look: (name) => `${name} enthält keinen Look, der hier gespeichert wurde.`,
  },
};
