#!/usr/bin/env bash
# MusicVAE's table of reconstructions on tunes of our own making: a flat decoder and a hierarchical
# one, of the same sizes and trained as long, on tunes that neither has seen.
#
#   scripts/melodies.sh          # melodies
#   scripts/melodies.sh drums
#   scripts/melodies.sh trio     # melody, bass and drums together: three decoders, slower
#
# Everything lands in demo-output/melodies. To be done on one core, the networks are far narrower than
# the published ones and trained briefly: models of sixteen bars begin with what one of two has learned
# of a bar, and learn from rows of their own. Run again, it keeps the training it has done.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

sizes=z_size=256,enc_rnn_size=[256],dec_rnn_size=[256]
two_bars_steps=2000 sixteen_bars_steps=1500
common=batch_size=64,grad_norm_clip_to_zero=1000000

step() {
  printf '\n$' && printf ' %q' "$@" && echo
  "$@"
}

# run CONFIG STEPS LEARNING_RATE HPARAMS [OPTION...]
run() {
  step groovefast-train --config "$1" --run-dir "$out/$1" --steps "$2" --seed 1 --no-prior \
    --data "$records/train-*" --eval-data "$records/validation-*" --eval-every 500 \
    --hparams "$common,learning_rate=$3,min_learning_rate=${3}e-1,cosine_decay_steps=$2,$4" "${@:5}"
}

ensure_venv train
PATH=$venv/bin:$PATH
cd "$root"
out=demo-output/melodies
step python -m groovefast.demo --melodies "$out/tunes"

tables=()
table() {
  step groovefast-evaluate --model "$out/$1/model" --data "$records/test-*" --json "$out/$1.json"
  tables+=("$out/$1.json")
}

for kind in "${@:-mel}"; do
  case $kind in
    mel) representation=melody ;;
    drums | trio) representation=$kind ;;
    *) fail "no such kind of music: $kind; choose some of mel, drums, trio" ;;
  esac
  records=$out/records/$representation
  step groovefast-convert "$out/tunes" "$records" --metadata "$out/tunes/info.csv" \
    --representation "$representation"
  begun=
  if [[ $kind != trio ]]; then  # of which there is no config of two bars
    begun=$out/cat-${kind}_2bar_small
    run "cat-${kind}_2bar_small" "$two_bars_steps" 0.002 \
      "$sizes,warmup_steps=20,sampling_schedule=teacher_forcing"
    table "cat-${kind}_2bar_small"
  fi
  for config in {flat,hierdec}-"${kind}"_16bar; do
    hparams=$sizes,hierarchical_encoder=true start=()
    if [[ $begun ]]; then
      step scripts/begin_long_model.py "$begun/model" "$config" "$begun-$config" --hparams "$hparams"
      start=(--start-from "$begun-$config")
    fi
    run "$config" "$sixteen_bars_steps" 0.001 \
      "$hparams,warmup_steps=50,sampling_schedule=constant,sampling_rate=1" "${start[@]}"
    table "$config"
  done
done
step scripts/accuracy_table.py "${tables[@]}"
