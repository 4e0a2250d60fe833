import t from 'tap'
import { closest, didYouMean } from '../../services/platform/did-you-mean.ts'

const names = ['sizes', 'format', 'quality', 'maxBytes', 'maxPixels', 'csv-to-ndjson', 'upper-case']

t.test('an unknown name gets the most similar known name', async t => {
  for (const [unknown, known] of [
    ['size', 'sizes'],
    ['qualtiy', 'quality'],
    ['Quality', 'quality'],
    ['max_bytes', 'maxBytes'],
    ['maxpixel', 'maxPixels'],
    ['csv-to-json', 'csv-to-ndjson'],
    ['upper', 'upper-case'],
    ['uppercase', 'upper-case'],
  ] as const) {
    t.equal(closest(unknown, names), known, unknown)
  }
  t.equal(didYouMean('formt', names), ' Did you mean "format"?')
})

t.test('a name that is like none of the known names gets no suggestion', async t => {
  for (const unknown of ['', '-', 'x', 'colors', 'delimiter', 'a'.repeat(100_000)]) {
    t.equal(closest(unknown, names), undefined, unknown.slice(0, 20))
  }
  t.equal(didYouMean('x', ['y']), '', 'a name of one other letter')
  t.equal(didYouMean('x', []), '')
})
