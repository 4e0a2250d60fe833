import t from 'tap'
import { pickTransform, shippedTransforms } from '../../services/worker/transforms/registry.ts'

function picked(contentType: string, filename = 'file'): string {
  return pickTransform(shippedTransforms, { contentType, filename, key: `uploads/${filename}`, size: 1 }).name
}

t.test('text is upper-cased, by its content type', async t => {
  t.equal(picked('text/plain'), 'upper-case')
  t.equal(picked('TEXT/CSV; charset=utf-8'), 'upper-case')
  t.equal(picked('text/html', 'page.bin'), 'upper-case')
})

t.test('a type that says nothing leaves it to the name', async t => {
  t.equal(picked('application/octet-stream', 'demo.txt'), 'upper-case')
  t.equal(picked('binary/octet-stream', 'DEMO.TXT'), 'upper-case')
  t.equal(picked('not a type', 'demo.txt'), 'upper-case')
  t.equal(picked('application/octet-stream', 'demo.txt.gz'), 'copy')
  t.equal(picked('application/octet-stream', 'demo'), 'copy')
})

t.test('everything else is copied: upper case would break JSON, images and the like', async t => {
  t.equal(picked('application/json', 'a.json'), 'copy')
  t.equal(picked('image/png', 'a.png'), 'copy')
  t.equal(picked('image/png', 'picture.txt'), 'copy')
})

t.test('the first transform that accepts has it', async t => {
  const never = { name: 'never', version: '1', accepts: () => false, apply: () => t.fail('not asked') as never }
  const first = { ...never, name: 'first', accepts: () => true }
  const upload = { contentType: 'text/plain', filename: 'a', key: 'uploads/a', size: 1 }
  t.equal(pickTransform([never, first, ...shippedTransforms], upload).name, 'first')
  t.equal(pickTransform([], upload).name, 'copy')
})
