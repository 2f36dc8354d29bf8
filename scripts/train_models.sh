#!/bin/bash
# Trains the included models again, as they were trained: some hours each on two cores.
#
#     scripts/train_models.sh RECORDS RUNS [MODEL...]
#
# RECORDS is what groovefast-convert made of the Groove MIDI Dataset with --metadata; RUNS is where
# the runs go, and in RUNS/models what comes of them: the weights, what is fitted to them, a card.
# Without MODEL all six are trained, in an order in which each finds what it starts from. What was
# stopped goes on where it stopped, and what is finished is not done again.
set -euo pipefail

records=$(realpath "${1:?the records of the Groove MIDI Dataset}")
mkdir -p "${2:?a folder for the runs}"
runs=$(realpath "$2")
shift 2
scripts=$(dirname "$(realpath "$0")")
models=$runs/models

common=batch_size=64,sampling_schedule=constant,sampling_rate=1,sampling_keeps_hits=true,loss_at_hits_only=true

# train CONFIG RUN STEPS HPARAMS [OPTION...]: one run; its data is the training split unless told.
train() {
  local config=$1 run=$2 steps=$3 hparams=$4
  shift 4
  [[ " $* " == *" --data "* ]] || set -- --data "$records/train-*" "$@"
  echo "== $run"
  groovefast-train --config "$config" --eval-data "$records/validation-*" --run-dir "$runs/$run" \
    --steps "$steps" --seed 0 --precision mixed_bfloat16 --no-prior \
    --hparams "$common,$hparams" "$@"
}

# ship RUN...: the mean of the best weights of runs, measured on the test split.
ship() {
  [[ -e $models/$model/MODEL_CARD.md ]] && return
  python "$scripts/ship_model.py" --to "$models" "$records" "${@/#/$runs/}"
}
