import type { Verdict } from './judge.ts'

/** An item with a known wrong verdict, and the reason why it stays. */
export interface Known {
  readonly corpus: string
  /** Its name, or the prefix of several names. */
  readonly item: string
  readonly verdict: Verdict
  readonly why: string
}

export const known: readonly Known[] = [
  ...['hopper_lzma.tif', 'separate_planar_extra_samples.tiff', 'tiff_overflow_rows_per_strip.tif', 'ultrahdr.jpg'].map(
    (item): Known => ({
      corpus: 'images',
      item,
      verdict: 'refused wrongly',
      why: 'With failOn "none" sharp makes an image of one colour of it: nothing can be seen.',
    }),
  ),
  ...[
    ...[
      'b/badheadersize',
      'b/badpalettesize',
      'b/shortfile',
      'g/rgb32bf',
      'q/pal2',
      'q/pal8os2v2-16',
      'q/pal8oversizepal',
    ],
    ...['q/rgb16-231', 'q/rgb32-111110', 'q/rgba16-4444', 'q/rgba32abf'],
  ].map(
    (item): Known => ({
      corpus: 'images',
      item: `bmp/${item}.bmp`,
      verdict: 'silently wrong',
      why: 'Pillow cannot read it. The thumbnail shows the picture that all files of this suite have, or the rows that are there.',
    }),
  ),
  {
    corpus: 'images',
    item: 'bmp/b/badrle.bmp',
    verdict: 'silently wrong',
    why: 'Its runs are damaged on purpose: Pillow makes one picture of them and the pipeline another.',
  },
  {
    corpus: 'images',
    item: 'rgb32bf-abgr.bmp',
    verdict: 'silently wrong',
    why: 'Its alpha channel is empty. Browsers and the pipeline show it without transparency, and Pillow shows nothing.',
  },
  {
    corpus: 'images',
    item: 'xmp_tags_orientation_exiftool.png',
    verdict: 'silently wrong',
    why: 'Its orientation stands in XMP alone, which sharp does not read and the pipeline does (docs/adr/0037).',
  },
  {
    corpus: 'texts',
    item: 'ascii/_mozilla_bug638318_text.html',
    verdict: 'refused wrongly',
    why: 'The file is full of NULs, which are valid ASCII and no text (docs/adr/0035).',
  },
  {
    corpus: 'tables',
    item: 'pypi-csvkit-2.2.0/csvkit-2.2.0/examples/null_byte.csv',
    verdict: 'refused wrongly',
    why: 'Its NUL shows that it is not text (docs/adr/0035).',
  },
  {
    corpus: 'tables',
    item: 'csvkit-2.2.0/examples/realdata/Datagov_FY10_EDU_recp_by_State.csv',
    verdict: 'silently wrong',
    why: 'Python takes its first line, which is empty, for the header. The header stands below a title (docs/adr/0034).',
  },
  ...['base64', 'quoted_printable'].map(
    (encoding): Known => ({
      corpus: 'forms',
      item: `${encoding}_encoding.http`,
      verdict: 'refused wrongly',
      why: 'RFC 7578 deprecates Content-Transfer-Encoding in forms, and the refusal says so (docs/adr/0032).',
    }),
  ),
  {
    corpus: 'forms',
    item: 'non_ascii_whitespace_before_filename.http',
    verdict: 'silently wrong',
    why: 'A file name behind a non-breaking space counts as one, so that the part is stored and not dropped as a field.',
  },
]

/** Returns why an item has this verdict, or undefined if that is not known. */
export function whyKnown(corpus: string, item: string, verdict: Verdict): string | undefined {
  return known.find(one => one.corpus === corpus && one.verdict === verdict && item.startsWith(one.item))?.why
}
