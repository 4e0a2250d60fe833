import t from 'tap'
import { type Measurements, toReport, toText } from '../../bench/lib/report.ts'

const measurements: Measurements = {
  name: 'race',
  title: 'a race of two',
  figures: [
    { key: 'perSecond', label: 'per second', digits: 0 },
    { key: 'peakMiB', label: 'peak MiB', digits: 1 },
  ],
  contenders: [
    { name: 'hare', does: 'sleeps', samples: { perSecond: [1_000, 3_000, 1_200], peakMiB: [30] } },
    { name: 'tortoise', does: 'walks', samples: { perSecond: [2_000, 2_000, 800], peakMiB: [60] } },
  ],
  comparisons: [['hare', 'tortoise']],
  versions: { node: '24.0.0', headgate: '1.2.3' },
}

t.test('the report summarizes figures by contender, and ratios by pair', async t => {
  t.strictSame(toReport(measurements), {
    name: 'race',
    figures: {
      hare: {
        perSecond: { median: 1_200, min: 1_000, max: 3_000, samples: 3 },
        peakMiB: { median: 30, min: 30, max: 30, samples: 1 },
      },
      tortoise: {
        perSecond: { median: 2_000, min: 800, max: 2_000, samples: 3 },
        peakMiB: { median: 60, min: 60, max: 60, samples: 1 },
      },
    },
    ratios: {
      // The median of the rounds' ratios 0.5, 1.5 and 1.5. The ratio of the medians would be 0.6.
      'hare/tortoise': {
        perSecond: { median: 1.5, min: 0.5, max: 1.5, samples: 3 },
        peakMiB: { median: 0.5, min: 0.5, max: 0.5, samples: 1 },
      },
    },
    versions: { node: '24.0.0', headgate: '1.2.3' },
  })
})

t.test('the table shows medians, spreads, what each contender does, and the versions', async t => {
  t.equal(
    toText(measurements),
    [
      'race: a race of two',
      '',
      'median (min to max)               per second   peak MiB',
      'hare                  1,200 (1,000 to 3,000)       30.0',
      'tortoise                2,000 (800 to 2,000)       60.0',
      'hare / tortoise          1.50 (0.50 to 1.50)       0.50',
      '',
      'hare: sleeps',
      'tortoise: walks',
      '',
      'node 24.0.0, headgate 1.2.3',
    ].join('\n'),
  )
})

t.test('shows the verdict below the figures', async t => {
  const verdict = 'The tortoise wins.'
  t.equal(toReport({ ...measurements, verdict }).verdict, verdict)
  t.match(toText({ ...measurements, verdict }), `\n\n${verdict}\n\nhare: sleeps`)
})

t.test('a compared contender without samples is an error', async t => {
  t.throws(() => toReport({ ...measurements, comparisons: [['hare', 'fox']] }), {
    name: 'BenchError',
    message: /no samples of perSecond for fox/,
  })
})
