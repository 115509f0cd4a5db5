// The published JavaScript SDK on a live server: `node main_path.mjs <address> <app id> <app token> <folder>`.
// The folder is where the SDK is installed and where files for uploads may be written.
// Prints "passed <name>" for each step. A step that fails ends the program with its error.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const [address, applicationId, secretKey, folder] = process.argv.slice(2)
const require = createRequire(path.join(folder, 'package.json'))
const { VoucherifyServerSide } = require('@voucherify/sdk')
const client = VoucherifyServerSide({ applicationId, secretKey, apiUrl: address })

const percent = percentOff => ({ type: 'PERCENT', percent_off: percentOff })

async function until(look) {
  const deadline = Date.now() + 60_000
  for (;;) {
    const found = await look()
    if (found) return found
    assert.ok(Date.now() < deadline, 'waited in vain')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

const finished = ({ async_action_id: id }) =>
  until(async () => {
    const action = await client.asyncActions.get(id)
    return ['DONE', 'FAILED'].includes(action.status) && action
  })

const steps = {
  async 'a campaign is made, and done with its codes after a while'() {
    const created = await client.campaigns.create({
      name: 'Spring / 26',
      campaign_type: 'DISCOUNT_COUPONS',
      type: 'STATIC',
      vouchers_count: 3,
      start_date: '2026-01-01T00:00:00Z',
      voucher: {
        type: 'DISCOUNT_VOUCHER',
        discount: percent(10),
        redemption: { quantity: 1 },
        code_config: { pattern: 'SPR-####' },
      },
      metadata: { season: 'spring' },
    })
    assert.match(created.id, /^camp_/)
    assert.equal(created.creation_status, 'IN_PROGRESS')
    const done = await until(async () => {
      const campaign = await client.campaigns.get('Spring / 26')
      return campaign.creation_status === 'DONE' && campaign
    })
    assert.equal(done.id, created.id)
    assert.equal(done.vouchers_count, 3)
    assert.equal(done.start_date, '2026-01-01T00:00:00.000Z')
    assert.deepEqual(done.voucher.discount, { type: 'PERCENT', percent_off: 10 })
  },

  async 'the limits of calls stand in every answer'() {
    const limits = client.apiLimitsHandler
    assert.equal(limits.areLimitsAvailable(), true)
    assert.ok(limits.getRateLimit() > 0)
    assert.ok(limits.getRateLimitRemaining() > 0)
  },

  async 'its codes are listed by page and filter'() {
    const whole = await client.vouchers.list({ campaign: 'Spring / 26', limit: 100, page: 1 })
    assert.equal(whole.total, 3)
    for (const voucher of whole.vouchers) {
      assert.match(voucher.code, /^SPR-[0-9A-Za-z]{4}$/)
      assert.deepEqual(voucher.metadata, { season: 'spring' })
    }
    const [first, , last] = whole.vouchers
    const ids = await client.vouchers.list({ ids: [first.id, last.id] })
    assert.deepEqual(ids.vouchers.map(each => each.code), [first.code, last.code])
    const after = await client.vouchers.list({ created_at: { after: '2026-01-01T00:00:00Z' }, limit: 1 })
    assert.equal(after.total, 3)
    const found = await client.vouchers.list({
      filters: { junction: 'and', code: { conditions: { $in: [first.code] } } },
    })
    assert.deepEqual(found.vouchers.map(each => each.id), [first.id])
    const campaigns = await client.campaigns.list({
      campaign_type: 'DISCOUNT_COUPONS',
      filters: { campaigns: { conditions: { $starts_with: 'spr' } } },
    })
    assert.deepEqual(campaigns.campaigns.map(each => each.name), ['Spring / 26'])
  },

  async 'vouchers are added, one and many'() {
    const one = await client.campaigns.addVoucher('Spring / 26', {}, {})
    assert.match(one.code, /^SPR-/)
    const bare = await client.campaigns.addVoucher('Spring / 26')
    assert.match(bare.code, /^SPR-/)
    const given = await client.campaigns.addCertainVoucher('Spring / 26', 'VIP/1', { metadata: { vip: true } })
    assert.equal(given.code, 'VIP/1')
    assert.deepEqual(given.metadata, { season: 'spring', vip: true })
    const action = await finished(await client.campaigns.addVoucher('Spring / 26', {}, { vouchers_count: 4 }))
    assert.equal(action.type, 'CAMPAIGN.VOUCHERS_GENERATE')
    assert.deepEqual(action.result, { message: 'Generated 4 vouchers.', done_count: 4 })
  },

  async 'a campaign is changed, and its codes with it'() {
    const changed = await client.campaigns.update('Spring / 26', {
      description: 'changed',
      discount: percent(25),
    })
    assert.equal(changed.creation_status, 'MODIFYING')
    assert.equal(changed.description, 'changed')
    await until(async () => (await client.campaigns.get(changed.id)).creation_status === 'DONE')
    assert.equal((await client.vouchers.get('VIP/1')).discount.percent_off, 25)
  },

  async 'a campaign is disabled and enabled'() {
    assert.deepEqual(await client.campaigns.disable('Spring / 26'), {})
    assert.equal((await client.campaigns.get('Spring / 26')).active, false)
    assert.deepEqual(await client.campaigns.enable('Spring / 26'), {})
    assert.equal((await client.campaigns.get('Spring / 26')).active, true)
  },

  async 'codes are imported into a campaign as JSON and as a file'() {
    const json = await finished(
      await client.campaigns.importVouchers('Spring / 26', [{ code: 'JSON-1' }, { code: 'JSON-2', active: false }]),
    )
    assert.equal(json.type, 'CAMPAIGN.VOUCHERS_IMPORT')
    const { reports, reports_available_till: until, ...result } = json.result
    assert.equal(reports.length, 1)
    assert.match(until, /^\d{4}-\d\d-\d\dT/)
    assert.deepEqual(result, {
      message: '2 voucher(s) imported successfully, 0 failed.',
      failed: [],
      done_count: 2,
      failed_count: 0,
    })
    assert.equal((await client.vouchers.get('JSON-2')).active, false)
    const file = path.join(folder, 'codes.csv')
    writeFileSync(file, 'Code,Active,colour\nCSV-1,TRUE,red\n,TRUE,blue\n')
    // This method puts the id into the path as it is.
    const { id } = await client.campaigns.get('Spring / 26')
    const csv = await finished(await client.campaigns.importVouchersCSV(id, file))
    assert.equal(csv.type, 'CAMPAIGN.VOUCHERS_IMPORT_CSV')
    assert.deepEqual(csv.result.failed, [{ code: '', row: 2, reason: 'Code is required' }])
    assert.deepEqual((await client.vouchers.get('CSV-1')).metadata, { season: 'spring', colour: 'red' })
  },

  async 'vouchers are made without a campaign, read, changed, switched'() {
    // Without a code the path ends with a slash.
    const random = await client.vouchers.create({ type: 'DISCOUNT_VOUCHER', discount: percent(5) })
    assert.match(random.code, /^[0-9A-Za-z]{8}$/)
    const made = await client.vouchers.create({
      code: '50% OFF/é',
      type: 'GIFT_VOUCHER',
      gift: { amount: 1000 },
    })
    assert.deepEqual(made.gift, { amount: 1000, balance: 1000, effect: 'APPLY_TO_ORDER' })
    assert.equal((await client.vouchers.get(made.id)).code, '50% OFF/é')
    const changed = await client.vouchers.update({ code: '50% OFF/é', metadata: { a: 1 } })
    assert.deepEqual(changed.metadata, { a: 1 })
    assert.equal((await client.vouchers.disable('50% OFF/é')).active, false)
    assert.equal((await client.vouchers.enable('50% OFF/é')).active, true)
  },

  async 'a balance is moved'() {
    const moved = await client.vouchers.balance.create('50% OFF/é', { amount: 500 })
    assert.equal(moved.balance, 1500)
    assert.equal(moved.type, 'gift_voucher')
    const listed = await client.vouchers.listTransactions('50% OFF/é', { limit: 10 })
    assert.deepEqual(listed.data.map(each => each.type), ['CREDITS_ADDITION'])
    assert.equal(listed.has_more, false)
  },

  async 'vouchers are imported as JSON and as a file'() {
    const json = await finished(
      await client.vouchers.import([{ code: 'ALONE-1', type: 'DISCOUNT_VOUCHER', discount: percent(7) }]),
    )
    assert.equal(json.type, 'VOUCHERS.IMPORT')
    assert.equal(json.result.done_count, 1)
    const file = path.join(folder, 'alone.csv')
    writeFileSync(file, 'Code,Voucher Type,Value,Discount Type\nALONE-2,DISCOUNT_VOUCHER,10.50,AMOUNT\n')
    const csv = await finished(await client.vouchers.importCSV(file))
    assert.equal(csv.type, 'VOUCHERS.IMPORT_CSV')
    assert.equal((await client.vouchers.get('ALONE-2')).discount.amount_off, 1050)
  },

  async 'metadata of many vouchers is changed'() {
    const each = await finished(
      await client.vouchers.bulkUpdate([
        { code: 'ALONE-1', metadata: { rank: 1 } },
        { code: 'UNKNOWN', metadata: { rank: 2 } },
      ]),
    )
    assert.equal(each.operation_status, 'FAILED')
    assert.deepEqual(each.result.errors.map(error => error.code), ['UNKNOWN'])
    const same = await finished(
      await client.vouchers.bulkUpdateMetadata({ codes: ['ALONE-1', 'ALONE-2'], metadata: { batch: 9 } }),
    )
    assert.equal(same.operation_status, 'SUCCESS')
    assert.deepEqual((await client.vouchers.get('ALONE-1')).metadata, { rank: 1, batch: 9 })
  },

  async 'async actions are listed'() {
    const listed = await client.asyncActions.list({ limit: 2 })
    assert.deepEqual(listed.async_actions.map(each => each.type), [
      'VOUCHERS.METADATA_UPDATE',
      'VOUCHERS.BULK_UPDATE',
    ])
    assert.equal(listed.has_more, true)
    const older = await client.asyncActions.list({ end_date: listed.async_actions[1].created_at })
    assert.equal(older.async_actions[0].type, 'VOUCHERS.IMPORT_CSV')
  },

  async 'categories and metadata schemas are read'() {
    const made = await client.categories.create({ name: 'Seasonal', hierarchy: 1 })
    assert.equal((await client.categories.get(made.id)).name, 'Seasonal')
    const renamed = await client.categories.update(made.id, { name: 'Sale', hierarchy: 2 })
    assert.equal(renamed.name, 'Sale')
    assert.equal((await client.categories.list()).total, 1)
    assert.equal(await client.categories.delete(made.id), '')
    assert.deepEqual((await client.metadataSchemas.list()).schemas, [])
  },

  async 'a refusal is an error with the fields of its body'() {
    await assert.rejects(client.vouchers.get('NO/SUCH'), error => {
      assert.equal(error.message, 'Resource not found')
      assert.equal(error.code, 404)
      assert.equal(error.key, 'not_found')
      assert.equal(error.details, 'Cannot find voucher with id NO/SUCH')
      assert.match(error.request_id, /^v-[0-9a-f]{18}$/)
      assert.equal(error.resource_id, 'NO/SUCH')
      assert.equal(error.resource_type, 'voucher')
      return true
    })
    await assert.rejects(client.campaigns.create({ name: 'Spring / 26', voucher: { type: 'DISCOUNT_VOUCHER', discount: percent(1) } }), {
      code: 409,
      key: 'duplicate_found',
    })
    const stranger = VoucherifyServerSide({ applicationId, secretKey: 'wrong', apiUrl: address })
    await assert.rejects(stranger.vouchers.list(), { code: 401, key: 'unauthorized', message: 'Unauthorized' })
  },

  async 'vouchers and campaigns are deleted'() {
    assert.equal(await client.vouchers.delete('ALONE-1'), '')
    await client.vouchers.delete('ALONE-2', { force: true })
    await assert.rejects(client.vouchers.get('ALONE-1'), { code: 404 })
    const action = await finished(await client.campaigns.delete('Spring / 26', { force: true }))
    assert.equal(action.type, 'CAMPAIGN.VOUCHERS_DELETE')
    assert.deepEqual(action.result, { message: 'Deleted 13 vouchers.', done_count: 13 })
    await assert.rejects(client.campaigns.get('Spring / 26'), { code: 404 })
    assert.equal((await client.vouchers.list()).total, 2)
  },
}

for (const [name, step] of Object.entries(steps)) {
  try {
    await step()
  } catch (error) {
    console.error(`failed ${name}`, error)
    process.exitCode = 1
    break
  }
  console.log(`passed ${name}`)
}
