import t from 'tap'
import { compileWildcards } from '../../services/platform/wildcards.ts'
import { seededRandom } from '../uploads/examples.ts'

/** Returns the regular expression that is equivalent to a pattern. */
function asExpression(pattern: string): RegExp {
  const source = pattern.replace(/[.*+?^${}()|[\]\\/]/g, character => {
    if (character === '*') return '.*'
    return character === '?' ? '.' : `\\${character}`
  })
  return new RegExp(`^${source}$`, 'isu')
}

t.test('a pattern matches the same names as its regular expression', t => {
  const random = seededRandom(3)
  const some = (pieces: readonly string[], most: number) =>
    Array.from({ length: Math.floor(random() * (most + 1)) }, () => pieces[Math.floor(random() * pieces.length)]).join(
      '',
    )
  let matching = 0
  for (let round = 0; round < 20_000; round++) {
    const pattern = some(['*', '*', '?', 'a', 'B', '🎉', '.', 'ſ', '+'], 6)
    const text = some(['a', 'A', 'b', '🎉', '.', 's', '\n', '+', '\ud83c'], 8)
    const expected = asExpression(pattern).test(text)
    if (expected) matching++
    if (compileWildcards(pattern)(text) !== expected) t.equal(!expected, expected, JSON.stringify({ pattern, text }))
  }
  t.ok(matching > 1_000, `${matching} of 20,000 match`)
  t.end()
})

t.test('a pattern with many wildcards matches a hostile name in little time', t => {
  const before = process.threadCpuUsage()
  for (const pattern of ['*-*-*-*-*-*-*.log', `${'*-'.repeat(100)}x`, '*?*?*?*?*?*x', `${'*'.repeat(200)}x`]) {
    t.notOk(compileWildcards(pattern)('-'.repeat(255)), pattern)
  }
  const { user } = process.threadCpuUsage(before)
  // A regular expression with seven `.*` takes hours.
  t.ok(user < 1_000_000, `${user} µs`)
  t.end()
})
