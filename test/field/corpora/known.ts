import type { Verdict } from './judge.ts'

/** An item whose verdict is not right and is known, with the reason why it stays so. */
export interface Known {
  readonly corpus: string
  /** Its name, or the start of several names. */
  readonly item: string
  readonly verdict: Verdict
  readonly why: string
}

export const known: readonly Known[] = [
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
]

/** Returns why an item has this verdict, or undefined where nobody knows. */
export function whyKnown(corpus: string, item: string, verdict: Verdict): string | undefined {
  return known.find(one => one.corpus === corpus && one.verdict === verdict && item.startsWith(one.item))?.why
}
