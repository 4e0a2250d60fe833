import t from 'tap'
import { attachment } from '../../../services/api/download/content-disposition.ts'

t.test('the header has a name in ASCII and unchanged', async t => {
  t.equal(attachment('report.pdf'), `attachment; filename="report.pdf"; filename*=UTF-8''report.pdf`)
  t.equal(attachment('a b.txt'), `attachment; filename="a b.txt"; filename*=UTF-8''a%20b.txt`)
  t.equal(
    attachment('Grüße 写.txt'),
    `attachment; filename="Gr__e _.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%E5%86%99.txt`,
  )
})

t.test('no name breaks out of its quotes or starts another header or parameter', async t => {
  const names = [
    'a"; filename="b.exe',
    'a\\"; x=y.txt',
    'a\r\nset-cookie: x=y',
    "a'b''c*(d).txt",
    'a;b,c=d',
    '%22.txt',
    '..%2F..%2Fpasswd',
    '‮gpj.exe',
    '\0',
    '"',
    '\ud800.txt',
    '👩‍👩‍👧‍👦.txt',
  ]
  for (const name of names) {
    const header = attachment(name)
    t.match(
      header,
      /^attachment; filename="[ !#$&-.0-[\]-~]+"; filename\*=UTF-8''[\w!#$&+.^`|~%-]+$/,
      JSON.stringify(name),
    )
    const [, value = ''] = header.split("filename*=UTF-8''")
    t.equal(decodeURIComponent(value), name.toWellFormed(), 'and it is read back as it was')
  }
})

t.test('a name that is too long is shortened between characters and keeps its extension', async t => {
  const cases: Array<[string, string]> = [
    [`${'x'.repeat(300)}.pdf`, `${'x'.repeat(251)}.pdf`],
    [`${'語'.repeat(300)}.txt`, `${'語'.repeat(83)}.txt`],
    ['x'.repeat(300), 'x'.repeat(255)],
    [`a.${'y'.repeat(300)}`, `a.${'y'.repeat(253)}`],
    [`.${'z'.repeat(300)}`, `.${'z'.repeat(254)}`],
    ['👍'.repeat(100), '👍'.repeat(63)],
  ]
  for (const [name, kept] of cases) {
    const [, value = ''] = attachment(name).split("filename*=UTF-8''")
    t.equal(decodeURIComponent(value), kept)
  }
})
