// The list of runs as a grid: rows are picked by click, Enter or Space; arrows, Home and End move; Escape lets go.
const COLUMNS = ["state", "name", "started", "took", "steps", "trigger", "id"]

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  const box = parentElement.querySelector(".box")
  const focused = parentElement.activeElement?.dataset?.id
  const rows = data.rows.map(row => draw(row, data.selected))
  const table = element("table", "")
  table.setAttribute("role", "grid")
  table.setAttribute("aria-label", data.label)
  const head = element("tr", "")
  COLUMNS.forEach(name => head.append(element("th", `c-${name}`, HEADS[name])))
  const top = element("thead", "")
  top.append(head)
  const body = element("tbody", "")
  body.append(...rows)
  table.append(top, body)
  const frame = element("div", "frame")
  frame.append(table)
  box.replaceChildren(frame)

  const pick = row => {
    row.focus()
    box.dataset.picked = row.dataset.id
    setTriggerValue("picked", row.dataset.id)
  }
  const current = rows.find(row => row.dataset.id === (focused ?? data.selected)) ?? rows[0]
  if (current) current.tabIndex = 0
  if (focused && current?.dataset.id === focused) current.focus({ preventScroll: true })
  body.onclick = event => {
    const row = event.target.closest("tr")
    if (row) pick(row)
  }
  body.onkeydown = event => {
    const at = rows.indexOf(parentElement.activeElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key]
    if (to !== undefined && rows[to]) {
      event.preventDefault()
      rows.forEach(row => (row.tabIndex = row === rows[to] ? 0 : -1))
      rows[to].focus()
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      event.preventDefault()
      pick(rows[at])
    } else if (event.key === "Escape" && data.selected) {
      setTriggerValue("picked", "")
    }
  }
  if (data.selected && box.dataset.picked === data.selected) {
    delete box.dataset.picked
    show(data.detail)
  }
}

// On a phone the detail stands below the list: bring it into view once it is there.
function show(name, tries = 20) {
  if (!window.matchMedia("(max-width: 640px)").matches) return
  const detail = document.querySelector(`.st-key-${name}`)
  if (detail) keep(detail)
  else if (tries) setTimeout(() => show(name, tries - 1), 100)
}

// It is still being drawn: its head stays in view while it grows, until a finger moves.
function keep(detail) {
  const place = () => detail.scrollIntoView({ block: "start" })
  const grown = new ResizeObserver(place)
  const end = () => grown.disconnect()
  grown.observe(detail)
  document.addEventListener("touchstart", end, { once: true, passive: true })
  document.addEventListener("wheel", end, { once: true, passive: true })
  setTimeout(end, 3000)
  place()
}

function draw(row, selected) {
  const line = element("tr", "")
  line.setAttribute("role", "row")
  line.setAttribute("aria-selected", String(row.id === selected))
  line.setAttribute("aria-label", `${row.name}, ${row.word}, ${row.started}`)
  line.tabIndex = -1
  line.dataset.id = row.id
  COLUMNS.forEach(name => line.append(cell(name, row)))
  return line
}

function cell(name, row) {
  const box = element("td", `c-${name}`)
  if (name === "state") {
    const chip = element("span", `chip ${row.colour}`)
    const icon = element("span", "icon", row.icon)
    icon.setAttribute("aria-hidden", "true")
    chip.append(icon, element("span", "", row.word))
    box.append(chip)
  } else if (name === "name") {
    box.classList.add("name")
    const title = element("span", "", row.name)
    title.title = row.name
    const short = element("span", "note short", [row.started, row.took].filter(Boolean).join(" · "))
    box.append(title, short)
    if (row.note) {
      const note = element("span", "note")
      row.note.split("`").forEach((part, n) => note.append(n % 2 ? element("code", "", part) : part))
      box.append(note)
    }
  } else {
    box.classList.add(name === "id" ? "id" : "soft", "soft")
    box.textContent = name === "id" ? row.short : row[name]
    box.title = { started: row.clock, id: row.id, steps: row.help }[name] ?? ""
  }
  return box
}

function element(tag, name, text) {
  const made = document.createElement(tag)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  return made
}
