import { execFileSync } from 'node:child_process'
import t from 'tap'
import { exportLines, shellQuote } from '../../services/local/export-lines.ts'

t.test('a shell reads back exactly the values of the environment', async t => {
  const env = {
    PLAIN: 'us-east-1',
    QUOTES: `it's "so" $HOME \`id\` \\`,
    LINES: 'a\nb',
    EMPTY: '',
    URL: 'http://h:1/a?b&c',
  }
  const script = `${exportLines(env)}\nnode -p 'JSON.stringify(process.env)'`
  const seen = JSON.parse(execFileSync('sh', ['-c', script], { encoding: 'utf8' }))
  t.match(seen, env)
})

t.test('a word that needs no quotes is not quoted', async t => {
  t.equal(shellQuote('http://127.0.0.1:4566'), 'http://127.0.0.1:4566')
  t.equal(shellQuote('a b'), "'a b'")
})
